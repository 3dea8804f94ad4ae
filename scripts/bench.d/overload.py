"""What is left of a server at three times the questions that it can answer.

The load's core cannot send three times what a whole core answers. So the server shares its core with neighbours that always
have something to do, as large as it in weight, and what it can answer is what it answers beside them.
"""

import os
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager

import load
import prober
import servers
import small
import targets
from load import SERVER_CORE
from server import Server, free_port
from servers import Zone
from table import Table, print_head

NEIGHBOURS = 3
TIMES = 3
SERVED_MIN = 0.9
ADMIN_SECONDS_MAX = 1
TARGETS, INTERVAL, SETTLING = 200, 2, 2
# For what is left of a load in a queue.
DRAINED_SECONDS = 0.5

MOST = "answers a second, at most"
SENT = "sent, to the most it can"
ANSWERED = f"answered at {TIMES} times that, to the most it can"
ADMIN = "admin API: the slowest answer meanwhile, ms"
PROBES = "probes meanwhile, to those that are due"
MEMORY = "memory (PSS) after, to before"


def bench_overload(options, folder):
    measured = servers.measured(options)
    port, admin = free_port(), free_port()
    if options.rotadns:
        zone = zone_text(port)
        measured[servers.OURS] = prober.configure(options.rotadns, zone, f"{{listen: '127.0.0.1:{admin}'}}")
    budgets = {
        ANSWERED: f"≥ {SERVED_MIN}",
        ADMIN: f"≤ {ADMIN_SECONDS_MAX * 1000}",
        PROBES: "goes on",
        MEMORY: "flat",
    }
    table = Table(measured, bases=dict.fromkeys([SENT, *budgets]), budgets=budgets)
    shape = f"{small.MIX_TOLD} UDP at a fixed rate from a core of its own; the server shares its core with {NEIGHBOURS} neighbours that never rest."
    print_head(options, shape, measured)
    questions = small.write_questions(folder)
    with targets.listening(folder, port) as taken:
        for turn in range(options.rounds):
            for name, configure in measured.items():
                server = Server(name, configure, folder / f"{name}-overload-{turn}", Zone(small.ORIGIN))
                server.wait_for(f"one.{small.ORIGIN}")
                server.pin(SERVER_CORE)
                if name == servers.OURS:
                    # What was added together is probed together at first.
                    time.sleep(SETTLING * INTERVAL)
                with neighbours():
                    one_server(options, server, questions, table, (admin, lambda: len(taken())) if name == servers.OURS else None)
                server.stop()
    table.print()


def one_server(options, server, questions, table, ours):
    # All the time, so that what it costs is in all three.
    beside = Beside(*ours) if ours else None
    most = answered(options, server, questions, load.UDP_UNDER_WAY)[1]
    before = server.memory_bytes()
    sent, rate = answered(options, server, questions, f"{TIMES * most:.0f}/s")
    memory = server.memory_bytes() / before
    # Once more: what a core has for us is not the same from one moment to the next.
    time.sleep(DRAINED_SECONDS)
    most = (most + answered(options, server, questions, load.UDP_UNDER_WAY)[1]) / 2
    table.add(MOST, server.name, most)
    table.add(SENT, server.name, sent / most)
    table.add(ANSWERED, server.name, rate / most)
    table.add(MEMORY, server.name, memory)
    if beside:
        slowest, probes = beside.end()
        table.add(ADMIN, server.name, slowest * 1000)
        table.add(PROBES, server.name, probes)


def answered(options, server, questions, how_many):
    """Questions and answers a second."""
    command = [options.load, f"127.0.0.1:{server.port}", questions, max(options.seconds, INTERVAL), how_many]
    told = load.figures(load.on_load_core(server, command))
    return told["sent"] / told["seconds"], told["answers"] / told["seconds"]


class Beside:
    """Asks the admin API twice a second, and counts what arrives at the targets."""

    def __init__(self, admin, accepted):
        self.url, self.accepted = f"http://127.0.0.1:{admin}/metrics", accepted
        self.took, self.over = [], threading.Event()
        self.began, self.before = time.monotonic(), accepted()
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        while not self.over.wait(0.5):
            started = time.monotonic()
            try:
                with urllib.request.urlopen(self.url, timeout=10 * ADMIN_SECONDS_MAX) as answer:
                    answer.read()
            except OSError as error:
                print(f"the admin API: {error}", file=sys.stderr)
                self.took.append(10 * ADMIN_SECONDS_MAX)
                continue
            self.took.append(time.monotonic() - started)

    def end(self):
        self.over.set()
        self.thread.join()
        due = TARGETS / INTERVAL * (time.monotonic() - self.began)
        return max(self.took, default=float("nan")), (self.accepted() - self.before) / due


@contextmanager
def neighbours():
    """Processes that want all of the server's core."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"], stdin=subprocess.DEVNULL) for _ in range(NEIGHBOURS)]
    try:
        for process in running:
            os.sched_setaffinity(process.pid, {SERVER_CORE})
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def zone_text(port):
    pool = ", ".join(servers.POOL)
    probed = ", ".join(f"127.9.0.{n + 1}" for n in range(TARGETS))
    return f"""\
zone: {small.ORIGIN}
ns: [ns1]
records:
  ns1: {{A: 192.0.2.53}}
  one: {{A: 192.0.2.80}}
  pool: {{pool: {{ttl: 30s, backends: [{pool}]}}}}
  probed: {{pool: {{check: {{tcp: {{port: {port}}}, interval: {INTERVAL}s, timeout: 1s}}, backends: [{probed}]}}}}
"""
