"""Takes every TCP connection to a port, on all of this machine's addresses: thousands of targets in one process.

`targets.py PORT TAKEN [CERTIFICATE]` writes to TAKEN when each came; with a certificate it speaks TLS, answers one HTTP request, and
writes whether the session was resumed."""

import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from load import LOAD_CORE

BACKLOG = 4096
# By the clock that all processes share, and whether a session was resumed.
RECORD = struct.Struct("<d?")
HANDSHAKE_SECONDS_MAX = 2
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@contextmanager
def listening(folder, port, certificate=None):
    """Targets on the load's core; a function gives what came so far."""
    taken = folder / f"taken-{port}"
    command = [sys.executable, __file__, port, taken, *([certificate] if certificate else [])]
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL)
    try:
        os.sched_setaffinity(process.pid, {LOAD_CORE})
        yield lambda: list(RECORD.iter_unpack(whole(taken))) if taken.exists() else []
    finally:
        process.kill()
        process.wait()


def whole(taken):
    found = taken.read_bytes()
    return found[: len(found) // RECORD.size * RECORD.size]


def certificate(folder):
    """One that nobody trusts, with its key."""
    made = folder / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=target.example -keyout".split()
    subprocess.run([*command, made, "-out", folder / "certificate"], check=True, capture_output=True)
    with made.open("a") as out:
        out.write((folder / "certificate").read_text())
    return made


def main():
    port, taken, *pem = sys.argv[1:]
    tls = None
    if pem:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pem[0])
    with socket.create_server(("0.0.0.0", int(port)), backlog=BACKLOG) as listener, Path(taken).open("ab", buffering=0) as out:
        while True:
            connection, _ = listener.accept()
            came, resumed = time.monotonic(), False
            if tls:
                resumed = answer(tls, connection)
            out.write(RECORD.pack(came, resumed))
            connection.close()


def answer(tls, connection):
    """Whether a session was resumed."""
    connection.settimeout(HANDSHAKE_SECONDS_MAX)
    try:
        with tls.wrap_socket(connection, server_side=True) as stream:
            stream.recv(4096)
            stream.sendall(ANSWER)
            return bool(stream.session_reused)
    except OSError:
        return False


if __name__ == "__main__":
    main()
