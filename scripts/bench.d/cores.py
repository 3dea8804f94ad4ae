"""What a second core adds over UDP.

There is no third core for the load, so it has as large a part of each core as it has of the one: as many programs that ask on
each, so that the whole does twice as much where nothing is shared. The server's own CPU time an answer says what of a loss is its.
"""

import os
import statistics
import subprocess
from functools import partial

import load
import servers
import small
from server import Server
from servers import Zone
from table import Table, print_head

CORES = [0, 1]
# Several, as a kernel that picks a socket by who sent would give one program's questions to one worker.
PROGRAMS = 4
UNDER_WAY = 40
PEERS = (servers.OURS, "gdnsd", "NSD", "Knot")
RATE, RATIO = "answers a second", "answers a second with two cores, to those with one"
CPU, CPU_RATIO = "CPU µs an answer", "CPU an answer with two cores, to that with one"


def bench_cores(options, folder):
    measured = {name: configure for name, configure in servers.measured(options).items() if name in PEERS}
    table = Table(measured, bases=dict.fromkeys([RATIO, CPU_RATIO]), budgets={RATIO: "≥ 1.8"})
    shape = f"{small.MIX_TOLD} UDP from {PROGRAMS} programs on each core that the server has, {UNDER_WAY} questions under way for each."
    print_head(options, shape, measured)
    questions = small.write_questions(folder)
    for turn in range(options.rounds):
        for name, configure in measured.items():
            one, two = (run(options, name, configure, folder, questions, CORES[:count], turn) for count in (1, 2))
            for count, (rate, cpu) in ((1, one), (2, two)):
                table.add(f"{RATE}, {count} of the cores", name, rate)
                table.add(f"{CPU}, {count} of the cores", name, cpu)
            table.add(RATIO, name, two[0] / one[0])
            table.add(CPU_RATIO, name, two[1] / one[1])
    table.print()


def run(options, name, configure, folder, questions, cores, turn):
    """Answers a second, and the server's CPU microseconds for each, with a worker on each of `cores`."""
    place = folder / f"{name}-{len(cores)}-cores-{turn}"
    server = Server(name, partial(configure, workers=len(cores)), place, Zone(small.ORIGIN))
    server.wait_for(f"one.{small.ORIGIN}")
    if len(cores) == 1:
        server.pin(*cores)
    small.validate(server)
    before = server.cpu()
    command = [options.load, f"127.0.0.1:{server.port}", questions, options.seconds, UNDER_WAY]
    asking = [
        subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=partial(os.sched_setaffinity, 0, {core}),
        )
        for core in cores
        for _ in range(PROGRAMS)
    ]
    told = [load.figures(process.communicate()[0]) for process in asking]
    user, system = server.cpu().since(before)
    server.stop()
    answers = sum(one.get("answers", 0) for one in told)
    if not answers or any(one["other"] for one in told):
        raise load.Failed(f"{name}: no answers, or wrong ones, with {len(cores)} workers")
    return answers / statistics.mean(one["seconds"] for one in told), (user + system) / answers * 1e6
