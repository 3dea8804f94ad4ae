"""One visitor at the admin API: `visitors.py NAME PORT TOKEN`. It says "begun" and goes on until it is ended."""

import resource
import select
import socket
import sys
import time

# How often a visitor that asks does so: often enough to be felt, seldom enough that its own CPU is not what is.
PAUSE = 0.02
SCRAPE_PAUSE = 1.0
IDLE_CONNECTIONS = 10_000
REOPENED = 4
SLOW_CLIENTS = 100
BODY = 64 << 20


def main():
    name, port, token = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    VISITORS[name](port, token)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def begun():
    print("begun", flush=True)


def exchange(port, request, pause):
    """Sends one request after the other, whatever becomes of it."""
    begun()
    while True:
        try:
            with connect(port) as connection:
                connection.sendall(request)
                while connection.recv(1 << 20):
                    pass
        except OSError:
            pass
        time.sleep(pause)


def request(method, path, token, more="", body=b""):
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n{more}"
    return f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def scrape(port, token):
    exchange(port, request("GET", "/metrics", token), SCRAPE_PAUSE)


def wrong_token(port, token):
    exchange(port, request("GET", "/v1/status", f"{token}-not"), PAUSE)


def malformed(port, _token):
    exchange(port, b"GET / HTTP/9.9\r\n\0\xff: \r\n\r\n" + bytes(range(256)), PAUSE)


def huge_body(port, token):
    """Claims a huge body, and sends it for as long as anybody takes it."""
    head = f"POST /v1/feed HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {BODY}\r\n\r\n"
    chunk = b" " * 65536
    begun()
    while True:
        try:
            with connect(port) as connection:
                connection.sendall(head.encode())
                for _ in range(BODY // len(chunk)):
                    connection.sendall(chunk)
        except OSError:
            pass
        time.sleep(PAUSE)


def slow_client(port, token):
    """A byte of a request every now and then, on many connections."""
    text = request("GET", "/v1/status", token)
    slow = []
    begun()
    while True:
        while len(slow) < SLOW_CLIENTS:
            try:
                slow.append((connect(port), iter(text)))
            except OSError:
                break
        for item in list(slow):
            try:
                item[0].sendall(bytes([next(item[1])]))
            except (OSError, StopIteration):
                item[0].close()
                slow.remove(item)
        time.sleep(1)


def idle_connections(port, _token):
    """Ten thousand connections that say nothing; those that are closed are opened again bit by bit."""
    held, poller = {}, select.epoll()

    def fill(most):
        for _ in range(min(most, IDLE_CONNECTIONS - len(held))):
            try:
                connection = connect(port)
            except OSError:
                return
            held[connection.fileno()] = connection
            poller.register(connection, select.EPOLLIN)

    fill(IDLE_CONNECTIONS)
    begun()
    while True:
        for number, _ in poller.poll(0, IDLE_CONNECTIONS):
            poller.unregister(number)
            held.pop(number).close()
        time.sleep(PAUSE)
        fill(REOPENED)


VISITORS = {
    each.__name__: each
    for each in (scrape, wrong_token, huge_body, slow_client, idle_connections, malformed)
}

if __name__ == "__main__":
    main()
