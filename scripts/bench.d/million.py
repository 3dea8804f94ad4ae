"""A million names from a master file: time to ready, memory, random names over UDP; and the zone handed out whole."""

import random

import load
import servers
import shapes
import transfer
from load import SERVER_CORE
from server import Server
from servers import Zone
from table import Table, print_head

ORIGIN = "million.example"
NAMES = 1_000_000
# Enough that the names asked for do not fit a core's caches.
NAMES_ASKED = 400_000


def names_file(folder, count=NAMES):
    """A master file of so many names, each with an A record."""
    master_file = folder / f"names-{count}"
    if not master_file.exists():
        with master_file.open("w") as out:
            out.write(servers.master_file_header(ORIGIN))
            out.writelines(f"{label(n)} IN A 192.0.{n >> 8 & 255}.{n & 255}\n" for n in range(count))
    return master_file


def label(n):
    return f"n{n:06}"


def last_name(count=NAMES):
    return f"{label(count - 1)}.{ORIGIN}"


def random_questions(folder, count=NAMES):
    questions = folder / f"questions-names-{count}"
    if not questions.exists():
        chosen = random.Random(1).sample(range(count), min(count, NAMES_ASKED))
        questions.write_text("".join(f"{label(n)}.{ORIGIN} A\n" for n in chosen))
    return questions


def bench_million(options, folder):
    zone = Zone(ORIGIN, names_file(folder))
    questions = random_questions(folder)
    measured = servers.measured(options)
    bases = {shapes.READY: "Knot"} | dict.fromkeys(shapes.BUDGETS)
    budgets = shapes.BUDGETS | {
        shapes.READY: "≤ 0.6 × Knot",
        "Memory (PSS), MB": "≤ 0.6",
        "Random names: – in user space": "≤ 1.0",
    }
    table = Table(measured, bases=bases, budgets=budgets)
    shape = f"A master file of {NAMES:,} names with an A record each, read on all cores; then {NAMES_ASKED:,} of the names in a random order over UDP."
    print_head(options, shape, measured)
    for turn in range(options.rounds):
        for name, configure in measured.items():
            server = Server(name, configure, folder / f"{name}-million-{turn}", zone)
            table.add(shapes.READY, name, server.wait_for(last_name()))
            server.pin(SERVER_CORE)
            run = load.attempt(table, "Random names", server, lambda: load.udp(options, server, questions, nxdomain_share=0))
            table.add("Memory (PSS), MB", name, server.memory_bytes() / 1e6)
            if run:
                run.add_to(table, "Random names", name)
            server.stop()
        if servers.OURS in measured:
            shapes.round_of(options, folder, zone, table, turn)
    table.print()


def bench_transfer(options, folder):
    # SOA twice, NS and its address.
    transfer.bench_transfer(options, ORIGIN, names_file(folder), last_name(), NAMES + 4, folder)
