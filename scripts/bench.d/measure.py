"""RotaDNS beside gdnsd, NSD and Knot: one worker each, all on one core, the load on another.

Rounds are interleaved (A B C D A B C D ...) and medians reported, so that a slow minute of the machine
meets everybody. Prints one table, each figure with its ratio to gdnsd; then what health, the
admin API and each way of choosing cost RotaDNS's answers.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import admin
import load
import policies
import prober
import reload
import servers
import transfer
import update
from load import SERVER_CORE
from servers import Server, Zone

SCENARIOS = [
    "udp",
    "tcp",
    "million",
    "transfer",
    "reload",
    "prober",
    "verdict",
    "admin",
    "policies",
]
SMALL = "bench.example"
MILLION = "million.example"
NAMES = 1_000_000
# Enough that the names asked for do not fit a core's caches.
NAMES_ASKED = 400_000

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
    if options.hickory:
        measured["hickory-dns"] = servers.hickory(options.hickory)
    table = Table(list(measured))
    with tempfile.TemporaryDirectory(prefix="rotadns-bench-") as folder:
        folder = Path(folder)
        try:
            if options.only in (None, "udp", "tcp"):
                bench_small(options, measured, folder, table)
            if options.only in (None, "million"):
                bench_million(options, measured, folder, table)
            table.print()
            if options.only in (None, "transfer"):
                bench_transfer(options, folder)
            if options.rotadns and options.only in (None, "reload"):
                reload.bench_reload(options, MILLION, million_names(folder), folder)
                update.bench_update(options, MILLION, NAMES, million_names(folder), folder)
            if options.rotadns and options.only in (None, "prober"):
                prober.bench_prober(options, folder)
            if options.rotadns and options.only in (None, "verdict"):
                prober.bench_verdict(options, folder)
            if options.rotadns and options.only in (None, "admin"):
                admin.bench_admin(options, folder)
            if options.rotadns and options.only in (None, "policies"):
                policies.bench_policies(options, folder)
        finally:
            # Also where a measurement ended with a mistake.
            Server.stop_all()


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round: does it run at all")
    parser.add_argument("--only", choices=SCENARIOS, help="one scenario alone")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server is loaded (5)")
    parser.add_argument("--seconds", type=int, default=5, help="how long each time (5)")
    parser.add_argument("--without-rotadns", action="store_true", help="the other servers alone")
    parser.add_argument("--with-hickory", action="store_true", help="hickory-dns too, built if need be")
    # Given by scripts/bench.
    for path in ("--rotadns", "--load", "--transfer", "--hickory"):
        parser.add_argument(path, type=Path, help=argparse.SUPPRESS)
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
    for title, put_under in (("UDP", load.udp), ("TCP", load.tcp)):
        if options.only in (None, title.lower()):
            for _ in range(options.rounds):
                for server in running:
                    run = put_under(options, server, questions, NXDOMAIN_SHARE)
                    table.add(f"{title}: queries a second", server.name, run.queries_a_second)
                    table.add(f"{title}: CPU µs an answer", server.name, run.user + run.system)
                    table.add(f"{title}: – in user space", server.name, run.user)
                    table.add(f"{title}: – in the kernel", server.name, run.system)
                    table.add(f"{title}: – how full its core was", server.name, run.busy)
    for server in running:
        server.stop()


def validate(server):
    """Each kind of question is answered as it should be, and the pool rotates."""
    for label, count in MIX:
        answer = server.ask(f"{label}.{SMALL}")
        if len(answer.addresses) != count or answer.rcode != (0 if count else 3):
            server.fail(f"{label}: rcode {answer.rcode}, {answer.addresses}, expected {count} addresses")
    first = {server.ask(f"pool.{SMALL}").addresses[0] for _ in range(64)}
    if first != set(servers.POOL) and server.name not in servers.WITHOUT_ROTATION:
        server.fail(f"the pool does not rotate: of 64 answers the first address was always in {first}")


def million_names(folder):
    master_file = folder / "million"
    if not master_file.exists():
        with master_file.open("w") as out:
            out.write(servers.master_file_header(MILLION))
            for n in range(NAMES):
                out.write(f"n{n:06} IN A 192.0.{n >> 8 & 255}.{n & 255}\n")
    return master_file


def bench_million(options, measured, folder, table):
    """A million names from a master file: time to ready, memory, random names over UDP."""
    master_file = million_names(folder)
    questions = folder / "questions-million"
    chosen = random.Random(1).sample(range(NAMES), NAMES_ASKED)
    questions.write_text("".join(f"n{n:06}.{MILLION} A\n" for n in chosen))
    zone = Zone(MILLION, master_file)
    for turn in range(options.rounds):
        for name, configure in measured.items():
            server = Server(name, configure, folder / f"{name}-million-{turn}", zone)
            ready = server.wait_for(f"n{NAMES - 1:06}.{MILLION}")
            server.pin(SERVER_CORE)
            run = load.udp(options, server, questions, nxdomain_share=0)
            title = "Million names"
            table.add(f"{title}: ready in, s", name, ready)
            table.add(f"{title}: memory (PSS), MB", name, server.memory_bytes() / 1e6)
            table.add(f"{title}: queries a second, random names", name, run.queries_a_second)
            table.add(f"{title}: CPU µs an answer", name, run.user + run.system)
            table.add(f"{title}: – in user space", name, run.user)
            server.stop()


def bench_transfer(options, folder):
    """The million names handed out whole, beside servers that can."""
    names = ["RotaDNS", "Knot", "NSD"] if options.rotadns else ["Knot", "NSD"]
    table = Table(names, base="Knot")
    master_file = million_names(folder)
    # SOA twice, NS and its address.
    records = NAMES + 4
    last = f"n{NAMES - 1:06}.{MILLION}"
    transfer.bench_transfer(options, MILLION, master_file, last, records, folder, table)
    table.print()


class Table:
    """Medians, a row a measure and a column a server."""

    def __init__(self, names, base="gdnsd"):
        self.names = names
        self.base = base
        self.rows = defaultdict(lambda: defaultdict(list))

    def add(self, measure, name, value):
        self.rows[measure][name].append(value)
        print(f"{name}: {measure}: {shown(value)}", file=sys.stderr)

    def print(self):
        if not self.rows:
            return
        print(f"Medians, and in brackets the ratio to {self.base}:\n")
        print("| measure |", " | ".join(self.names), "|")
        print("|---|" + "---|" * len(self.names))
        for measure, values in self.rows.items():
            medians = {name: statistics.median(values[name]) for name in self.names}
            base = medians[self.base]
            ratio = {name: f" ({medians[name] / base:.2f})" if base else "" for name in self.names}
            cells = [f"{shown(medians[name])}{ratio[name]}" for name in self.names]
            print(f"| {measure} |", " | ".join(cells), "|")
        print()


def shown(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.0f}" if value >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    main()
