"""RotaDNS beside gdnsd, NSD and Knot: one worker each, all on one core, the load on another.

Rounds are interleaved (A B C D A B C D ...) and medians reported, so that a slow minute of the machine
meets everybody. Prints one table, each figure with its ratio to gdnsd.
"""

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import servers
from servers import Server, Zone

SERVER_CORE, LOAD_CORE = 0, 1
SMALL = "bench.example"
MILLION = "million.example"
NAMES = 1_000_000
# Enough that the names asked for do not fit a core's caches.
NAMES_ASKED = 400_000
# As many questions under way as any of the servers takes without losing one.
UDP_UNDER_WAY = 150
TCP_UNDER_WAY = 100
TCP_CONNECTIONS = 20
LOST_MAX = 0.001

# What the questions are made of: half of them for the pool.
MIX = [("pool", 8), ("pool", 8), ("one", 1), ("no-such-name", 0)]
NXDOMAIN_SHARE = 0.25


def main():
    options = arguments()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("bench: needs two cores, one for the server and one for the load")
    measured = {"gdnsd": servers.gdnsd, "NSD": servers.nsd, "Knot": servers.knot}
    if options.rotadns:
        measured = {"RotaDNS": servers.rotadns(options.rotadns)} | measured
    table = Table(list(measured))
    with tempfile.TemporaryDirectory(prefix="rotadns-bench-") as folder:
        folder = Path(folder)
        try:
            if options.only in (None, "udp", "tcp"):
                bench_small(options, measured, folder, table)
            if options.only in (None, "million"):
                bench_million(options, measured, folder, table)
        finally:
            # Also where a measurement ended with a mistake.
            Server.stop_all()
    table.print()


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round: does it run at all")
    parser.add_argument("--only", choices=["udp", "tcp", "million"], help="one scenario alone")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server is loaded (5)")
    parser.add_argument("--seconds", type=int, default=5, help="how long each time (5)")
    parser.add_argument("--without-rotadns", action="store_true", help="the other servers alone")
    parser.add_argument("--rotadns", type=Path, help=argparse.SUPPRESS)  # given by scripts/bench
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1
    return options


def bench_small(options, measured, folder, table):
    """A pool of eight, one A and NXDOMAIN: over UDP, and over TCP."""
    questions = folder / "questions"
    questions.write_text("".join(f"{label}.{SMALL} A\n" for label, _ in MIX))
    running = []
    for name, configure in measured.items():
        server = Server(name, configure, folder / name, Zone(SMALL))
        server.wait_for(f"one.{SMALL}")
        server.pin(SERVER_CORE)
        validate(server)
        running.append(server)
    for transport in ("udp", "tcp"):
        if options.only in (None, transport):
            for _ in range(options.rounds):
                for server in running:
                    load = Load(server, questions, transport, options.seconds, NXDOMAIN_SHARE)
                    title = transport.upper()
                    table.add(f"{title}: queries a second", server.name, load.queries_a_second)
                    table.add(f"{title}: CPU µs an answer", server.name, load.user + load.system)
                    table.add(f"{title}: – in user space", server.name, load.user)
                    table.add(f"{title}: – in the kernel", server.name, load.system)
    for server in running:
        server.stop()


def validate(server):
    """Each kind of question is answered as it should be, and the pool rotates."""
    for label, count in MIX:
        answer = server.ask(f"{label}.{SMALL}")
        if len(answer.addresses) != count or answer.rcode != (0 if count else 3):
            server.fail(f"{label}: rcode {answer.rcode}, {answer.addresses}, expected {count} addresses")
    first = {server.ask(f"pool.{SMALL}").addresses[0] for _ in range(64)}
    if first != set(servers.POOL):
        server.fail(f"the pool does not rotate: of 64 answers the first address was always in {first}")


def bench_million(options, measured, folder, table):
    """A million names from a master file: time to ready, memory, random names over UDP."""
    master_file = folder / "million"
    with master_file.open("w") as out:
        out.write(servers.master_file_header(MILLION))
        for n in range(NAMES):
            out.write(f"n{n:06} IN A 192.0.{n >> 8 & 255}.{n & 255}\n")
    questions = folder / "questions-million"
    chosen = random.Random(1).sample(range(NAMES), NAMES_ASKED)
    questions.write_text("".join(f"n{n:06}.{MILLION} A\n" for n in chosen))
    zone = Zone(MILLION, master_file)
    for turn in range(options.rounds):
        for name, configure in measured.items():
            server = Server(name, configure, folder / f"{name}-million-{turn}", zone)
            ready = server.wait_for(f"n{NAMES - 1:06}.{MILLION}")
            server.pin(SERVER_CORE)
            load = Load(server, questions, "udp", options.seconds, nxdomain_share=0)
            title = "Million names"
            table.add(f"{title}: ready in, s", name, ready)
            table.add(f"{title}: memory (PSS), MB", name, server.memory_bytes() / 1e6)
            table.add(f"{title}: queries a second, random names", name, load.queries_a_second)
            table.add(f"{title}: CPU µs an answer", name, load.user + load.system)
            table.add(f"{title}: – in user space", name, load.user)
            server.stop()


class Load:
    """One run of dnsperf against a server: what came back, and what it cost the server."""

    def __init__(self, server, questions, transport, seconds, nxdomain_share):
        command = ["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(questions)]
        command += ["-l", str(seconds), "-T", "1", "-m", transport]
        if transport == "tcp":
            command += ["-c", str(TCP_CONNECTIONS), "-q", str(TCP_UNDER_WAY)]
        else:
            command += ["-c", "1", "-q", str(UDP_UNDER_WAY)]
        before = server.cpu()
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
        )
        after = server.cpu()
        if done.returncode != 0:
            server.fail(f"dnsperf failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")

        def figure(pattern):
            found = re.search(pattern, done.stdout)
            return float(found[1]) if found else 0.0

        sent = figure(r"Queries sent: +(\d+)")
        answers = figure(r"Queries completed: +(\d+)")
        good = figure(r"NOERROR (\d+)")
        missing = figure(r"NXDOMAIN (\d+)")
        if answers == 0 or sent - answers > sent * LOST_MAX:
            server.fail(f"of {sent:.0f} questions over {transport} {sent - answers:.0f} were lost")
        if good + missing != answers or abs(missing / answers - nxdomain_share) > 0.01:
            server.fail(f"wrong answers under load: {re.search('Response codes:.*', done.stdout)[0]}")
        self.queries_a_second = figure(r"Queries per second: +([\d.]+)")
        user, system = after.since(before)
        self.user = user / answers * 1e6
        self.system = system / answers * 1e6


class Table:
    """Medians, a row a measure and a column a server."""

    def __init__(self, names):
        self.names = names
        self.rows = defaultdict(lambda: defaultdict(list))

    def add(self, measure, name, value):
        self.rows[measure][name].append(value)
        print(f"{name}: {measure}: {shown(value)}", file=sys.stderr)

    def print(self):
        print("Medians, and in brackets the ratio to gdnsd:\n")
        print("| measure |", " | ".join(self.names), "|")
        print("|---|" + "---|" * len(self.names))
        for measure, values in self.rows.items():
            medians = {name: statistics.median(values[name]) for name in self.names}
            base = medians["gdnsd"]
            cells = [f"{shown(medians[name])} ({medians[name] / base:.2f})" for name in self.names]
            print(f"| {measure} |", " | ".join(cells), "|")


def shown(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.0f}" if value >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    main()
