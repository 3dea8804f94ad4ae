"""What health costs the answers: ten thousand targets probed beside a steady load, and how soon a verdict
is in the answers."""

import os
import re
import socket
import statistics
import sys
import time
from datetime import datetime

import spread
import targets
from latency import LATENCY_RATIO_MAX, OTHERS_MAX, QUERIES_A_SECOND, Latency
from load import LOAD_CORE, SERVER_CORE
from server import Server, free_port
from servers import OURS, Zone
from table import print_head

ORIGIN = "probed.example"

# Within the most addresses that one pool may have, and ten thousand together.
POOLS, POOL_TARGETS = 10, 1000
INTERVAL = 10
HEALTH_CPU_MAX = 0.15
# The threads that exist for health alone.
HEALTH_THREADS = ("prober", "publisher")
# How often a round that other processes disturb is made.
ATTEMPTS_MAX = 3

VERDICTS = 20
VERDICT_MS_MAX = 10
FLIP_SECONDS_MAX = 10


def bench_probe(options, folder):
    print_head(options, "RotaDNS on one core, its targets on the other.", [OURS])
    bench_latency(options, folder)
    spread.bench_spread(options, folder)


def bench_latency(options, folder):
    """p50 and p99 of answers while the prober is busy and while it has nothing to do, in turn; a disturbed round is made again."""
    port = free_port()
    measured = {"idle": [], "busy": []}
    with targets.listening(folder, port):
        questions = folder / "questions-prober"
        questions.write_text("".join(f"pool-{n}.{ORIGIN} A\n" for n in range(POOLS)))
        for turn in range(options.rounds):
            for name, runs in measured.items():
                check = f"check: {{tcp: {{port: {port}}}, interval: {INTERVAL}s}}, " if name == "busy" else ""
                for attempt in range(ATTEMPTS_MAX):
                    run = one_round(options, folder / f"prober-{name}-{turn}-{attempt}", name, check, questions)
                    runs.append(run)
                    if run.others <= OTHERS_MAX:
                        break
    print_prober(measured)


def one_round(options, folder, name, check, questions):
    server = Server(f"RotaDNS, prober {name}", configure(options.rotadns, probed_zone(check)), folder, Zone(ORIGIN))
    server.wait_for(f"pool-0.{ORIGIN}")
    server.pin(SERVER_CORE)
    run = Latency(server, questions, max(options.seconds, INTERVAL), HEALTH_THREADS)
    if run.lost:
        server.fail(f"{run.lost} questions were lost")
    print(f"prober {name}: {run}", file=sys.stderr)
    server.stop()
    if check and ": down after" in server.folder.joinpath("output").read_text():
        server.fail("a target that takes every connection was found down")
    return run


def probed_zone(check, pools=POOLS):
    """Targets are loopback addresses from 127.1.0.1 on, a thousand in each pool."""
    text = f"zone: {ORIGIN}\nns: [ns1]\nrecords:\n  ns1: {{A: 192.0.2.53}}\n"
    for pool in range(pools):
        backends = ", ".join(f"127.{pool + 1}.{n // 250}.{n % 250 + 1}" for n in range(POOL_TARGETS))
        text += f"  pool-{pool}: {{pool: {{{check}backends: [{backends}]}}}}\n"
    return text


def print_prober(measured):
    quiet = {name: [run for run in runs if run.others <= OTHERS_MAX] for name, runs in measured.items()}
    left_out = sum(len(runs) - len(quiet[name]) for name, runs in measured.items())
    if left_out:
        print(f"{left_out} runs were disturbed by other processes on core {SERVER_CORE}, and are left out.", end=" ")
    if not all(quiet.values()):
        print("Too few are left: please measure on a quiet machine.\n")
        return

    def median(name, figure):
        return statistics.median(getattr(run, figure) for run in quiet[name])

    print(f"{POOLS * POOL_TARGETS:,} TCP targets probed every {INTERVAL} s, at {QUERIES_A_SECOND:,} queries a second:\n")
    print("| measure | prober idle | prober busy | ratio | budget |\n|---|---|---|---|---|")
    for title, figure, budget in [("p50, µs", "p50", ""), ("p99, µs", "p99", f"≤ {LATENCY_RATIO_MAX}")]:
        idle, busy = median("idle", figure), median("busy", figure)
        print(f"| {title} | {idle:.0f} | {busy:.0f} | {busy / idle:.2f} | {budget} |")
    share = median("busy", "part")
    print(f"| CPU for health, of one core | | {share:.1%} | | ≤ {HEALTH_CPU_MAX:.0%} |\n")


def bench_verdict(options, folder):
    """From the log's line that a backend changed side until an answer shows it."""
    target = ("127.0.0.2", free_port())
    zone = f"""\
zone: {ORIGIN}
ns: [ns1]
checks:
  quick: {{tcp: {{port: {target[1]}}}, interval: 200ms, timeout: 100ms, fast_interval: 50ms}}
records:
  ns1: {{A: 192.0.2.53}}
  pool: {{pool: {{check: quick, when_all_down: none, backends: [{target[0]}]}}}}
  ready: {{A: 192.0.2.1}}
"""
    server = Server("RotaDNS", configure(options.rotadns, zone), folder / "verdict", Zone(ORIGIN))
    server.wait_for(f"ready.{ORIGIN}")
    server.pin(SERVER_CORE)
    os.sched_setaffinity(0, {LOAD_CORE})
    took = []
    listener = None
    for turn in range(VERDICTS):
        if listener:
            listener.close()
            listener = None
        else:
            listener = socket.create_server(target, backlog=128)
        took.append(verdict_ms(server, "up" if listener else "down"))
    if listener:
        listener.close()
    server.stop()
    os.sched_setaffinity(0, {SERVER_CORE, LOAD_CORE})
    print_head(options, "RotaDNS on one core, the target and who asks on the other.", [OURS])
    print(f"A verdict is in the answers after {statistics.median(took):.2f} ms, {max(took):.2f} ms at worst", end="")
    print(f" (of {VERDICTS}; budget {VERDICT_MS_MAX} ms)\n")


def verdict_ms(server, side):
    """Asks as fast as it can until the answer shows that side; the milliseconds since the log's line."""
    latest = time.monotonic() + FLIP_SECONDS_MAX
    while bool(server.ask(f"pool.{ORIGIN}").addresses) != (side == "up"):
        if time.monotonic() > latest:
            server.fail(f"no answer shows within {FLIP_SECONDS_MAX} s that the backend is {side}")
    seen = time.time()
    lines = re.findall(rf"^(\S+)Z +INFO .*: {side} (?:after|at)", server.folder.joinpath("output").read_text(), re.M)
    if not lines:
        server.fail(f"no line says that the backend is {side}")
    return (seen - datetime.fromisoformat(f"{lines[-1]}+00:00").timestamp()) * 1000


def configure(binary, zone_text, admin="off"):
    """A server with one worker over this zone."""

    def write(folder, port, zone):
        zones = folder / "zones"
        zones.mkdir()
        (zones / f"{zone.origin}.yaml").write_text(zone_text)
        config = folder / "rotadns.yaml"
        config.write_text(
            f"listen: [127.0.0.1:{port}]\nzones: {zones}\nstate: {folder}/state\nworkers: 1\nadmin: {admin}\n"
        )
        return [str(binary), "serve", "--config", str(config)]

    return write
