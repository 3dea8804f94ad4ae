"""What servers do over TCP: few and many connections, one for each question, very many that are idle, and clients that
never read beside clients that do."""

import resource
import sys

import load
import servers
import small
from small import NXDOMAIN_SHARE
from table import Table, print_head

FEW, MANY = (20, 5), (1000, 1)
FEW_TITLE = f"{FEW[0]} connections, {FEW[1]} questions under way on each"
MANY_TITLE = f"{MANY[0]:,} connections, one question under way on each"
ONCE, ONCE_TITLE = 20, "A connection a question, 20 at a time"
IDLE, IDLE_TITLE = 20_000, "Idle connections"
# Files that the client needs besides.
FILES_BESIDES = 300
SLOW, SLOW_TITLE = 8, "8 clients that never read beside the 20"
SLOW_RATIO = f"{SLOW_TITLE}: the rate to that without"
# For those to have sent all that they can.
STALLED_SECONDS_MAX = 600


def bench_tcp(options, folder):
    measured = servers.measured(options)
    once_rate = f"{ONCE_TITLE}: queries a second"
    memory = f"{IDLE_TITLE}: memory (PSS), MB"
    table = Table(
        measured,
        bases={once_rate: "Knot", memory: None, f"{IDLE_TITLE}: held": None, SLOW_RATIO: None},
        budgets={
            f"{FEW_TITLE}: queries a second": "≥ 1.0",
            f"{MANY_TITLE}: queries a second": "≥ 1.0",
            once_rate: "≥ 1.0 × Knot",
            memory: "≤ 100",
            SLOW_RATIO: "stalls no one",
        },
    )
    questions = small.write_questions(folder)
    running = [small.started(name, configure, folder / name) for name, configure in measured.items()]
    print_head(options, f"{small.MIX_TOLD} The load is `examples/streams.rs` on a core of its own.", measured)
    for _ in range(options.rounds):
        for server in running:
            without = put_under(options, server, questions, table, FEW_TITLE, "keep", *FEW)
            slow_readers(options, server, questions, table, without)
        # One after the other, so that what is compared is a moment apart.
        for shape in ((MANY_TITLE, "keep", *MANY), (ONCE_TITLE, "once", ONCE)):
            for server in running:
                put_under(options, server, questions, table, *shape)
    for server in running:
        server.stop()
    # Each on its own: what one holds is not to meet the limits of another.
    for name, configure in measured.items():
        idle(options, small.started(name, configure, folder / f"{name}-idle"), questions, table, memory)
    table.print()


def put_under(options, server, questions, table, title, *shape):
    """A run that is in the table."""
    run = attempt(options, server, questions, table, title, *shape)
    if run:
        run.add_to(table, title, server.name)
    return run


def attempt(options, server, questions, table, title, *shape):
    run = load.attempt(table, title, server, lambda: load.tcp(options, server, questions, NXDOMAIN_SHARE, *shape))
    if run and run.failed:
        table.note(f"{server.name}: {run.failed:.0f} connections failed ({title})")
    return run


def slow_readers(options, server, questions, table, without):
    """The rate of clients that read, while others ask and never read; to the rate of a moment ago."""
    stalled = load.streams(options, server, questions, STALLED_SECONDS_MAX, "stall", SLOW)
    with load.beside(stalled) as told:
        run = attempt(options, server, questions, table, SLOW_TITLE, "keep", *FEW)
    if run and without:
        table.add(SLOW_RATIO, server.name, run.queries_a_second / without.queries_a_second)
    sent = f"{told['sent']:.0f} questions of which no answer was read"
    print(f"{server.name}: {sent}, over {told['made']:.0f} connections", file=sys.stderr)


def idle(options, server, questions, table, memory):
    """Connections that have asked once; as many as this process may have files open, where that is fewer."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(IDLE, most - FILES_BESIDES)
    if options.quick:
        wanted = min(wanted, 1000)
    if wanted < IDLE:
        table.note(f"{wanted:,} idle connections, not {IDLE:,}: a process may have {most:,} files open here")
    before = server.memory_bytes() / 1e6
    command = load.streams(options, server, questions, servers.IDLE_SECONDS, "hold", wanted)
    with load.beside(command) as told:
        table.add(memory, server.name, server.memory_bytes() / 1e6)
    table.add(f"{IDLE_TITLE}: of that for each, kB", server.name, (table.latest(memory, server.name) - before) * 1000 / max(told["open"], 1))
    table.add(f"{IDLE_TITLE}: held", server.name, told["open"])
    server.stop()
