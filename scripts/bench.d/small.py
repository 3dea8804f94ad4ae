"""The small zone, a pool of eight, one A and a name that is not there; and what each server answers over UDP."""

import load
import servers
from load import SERVER_CORE
from server import Server
from servers import Zone
from table import Table, print_head

ORIGIN = "bench.example"
# What the questions are made of: half of them for the pool.
MIX = [("pool", 8), ("pool", 8), ("one", 1), ("no-such-name", 0)]
NXDOMAIN_SHARE = 0.25
# Answers in which each address is the first, also where it is drawn.
DRAWS = 256
MIX_TOLD = "Half of the questions are for a pool of 8 addresses, which is rotated, a quarter for one A, a quarter for names that are not there."


def bench_udp(options, folder):
    measured = servers.measured(options)
    budgets = {"UDP: queries a second": "≥ 1.0", "UDP: CPU µs an answer": "≤ 1.0"}
    table = Table(measured, budgets=budgets)
    questions = write_questions(folder)
    running = [started(name, configure, folder / name) for name, configure in measured.items()]
    print_head(options, f"{MIX_TOLD} UDP from one socket, {load.UDP_UNDER_WAY} questions under way.", measured)
    for _ in range(options.rounds):
        for server in running:
            run = load.attempt(table, "UDP", server, lambda: load.udp(options, server, questions, NXDOMAIN_SHARE))
            if run:
                run.add_to(table, "UDP", server.name)
    for server in running:
        server.stop()
    table.print()


def write_questions(folder):
    questions = folder / "questions"
    questions.write_text("".join(f"{label}.{ORIGIN} A\n" for label, _ in MIX))
    return questions


def started(name, configure, folder):
    """One that serves the small zone on the server's core, and answers as it should."""
    server = Server(name, configure, folder, Zone(ORIGIN))
    server.wait_for(f"one.{ORIGIN}")
    server.pin(SERVER_CORE)
    validate(server)
    return server


def validate(server):
    """Each kind of question is answered as it should be, and the pool rotates."""
    for label, count in MIX:
        answer = server.ask(f"{label}.{ORIGIN}")
        if len(answer.addresses) != count or answer.rcode != (0 if count else 3):
            server.fail(f"{label}: rcode {answer.rcode}, {answer.addresses}, expected {count} addresses")
    first = {server.ask(f"pool.{ORIGIN}").addresses[0] for _ in range(DRAWS)}
    if first != set(servers.POOL) and server.name not in servers.WITHOUT_ROTATION:
        server.fail(f"the pool does not rotate: of {DRAWS} answers the first address was always in {first}")
