"""What somebody at the admin API costs the answers: a scraper, and those who mean harm."""

import os
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import prober
from latency import LATENCY_RATIO_MAX, OTHERS_MAX, QUERIES_A_SECOND, Latency
from load import LOAD_CORE, SERVER_CORE
from server import Server, free_port
from servers import OURS, Zone
from table import print_head

ORIGIN = "scraped.example"
POOLS = 10_000
SCRAPES, SCRAPE_MS_MAX = 20, 200
ADMIN_THREAD = ("admin",)
TOKEN = "a-token-of-the-bench-that-nobody-else-has"
# What the visitors do, each in a process of its own: a name here, a function in visitors.py.
VISITORS = ["scrape", "wrong_token", "huge_body", "slow_client", "idle_connections", "malformed"]


def bench_admin(options, folder):
    """p99 of answers with a visitor at the API and without, in turn; and how long a scrape takes."""
    port = free_port()
    tokens = folder / "tokens"
    tokens.write_text(f"operate bench {TOKEN}\n")
    tokens.chmod(0o600)
    admin = f"{{listen: '127.0.0.1:{port}', tokens: {tokens}}}"
    server = Server("RotaDNS", prober.configure(options.rotadns, zone_text(), admin), folder / "admin", Zone(ORIGIN))
    server.wait_for(f"pool-0.{ORIGIN}")
    server.pin(SERVER_CORE)
    questions = folder / "questions-admin"
    questions.write_text("".join(f"pool-{n}.{ORIGIN} A\n" for n in range(0, POOLS, 10)))
    took, size = scrape_ms(port)
    print_head(options, "RotaDNS on one core, `dnsperf` and the visitors on the other.", [OURS])
    measured = {name: ([], []) for name in VISITORS}
    for _ in range(options.rounds):
        for name, (without, beside) in measured.items():
            without.append(Latency(server, questions, options.seconds, ADMIN_THREAD))
            with visitor(name, port):
                beside.append(Latency(server, questions, options.seconds, ADMIN_THREAD))
            print(f"{name}: without {without[-1]}; beside {beside[-1]}", file=sys.stderr)
    server.stop()
    print(f"A scrape of {POOLS:,} pools ({size / 1e6:.1f} MB) takes {statistics.median(took):.0f} ms, ", end="")
    print(f"{max(took):.0f} ms at worst (of {SCRAPES}; budget {SCRAPE_MS_MAX} ms)\n")
    print_ratios(measured)


def zone_text():
    """Pools of one backend each, checked so seldom that the checks themselves cost nothing."""
    check = "{tcp: {port: 9}, interval: 1h, timeout: 100ms}"
    pools = "".join(
        f"  pool-{n}: {{pool: {{check: rare, backends: [127.{1 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}]}}}}\n"
        for n in range(POOLS)
    )
    return f"zone: {ORIGIN}\nns: [ns1]\nchecks: {{rare: {check}}}\nrecords:\n  ns1: {{A: 192.0.2.53}}\n{pools}"


def scrape_ms(port):
    took = []
    for _ in range(SCRAPES):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        started = time.monotonic()
        with urllib.request.urlopen(request) as answer:
            size = len(answer.read())
        took.append((time.monotonic() - started) * 1000)
    return took, size


@contextmanager
def visitor(name, port):
    """Somebody at the API, on the load's core and out of the load's way."""
    visitors = Path(__file__).with_name("visitors.py")
    process = subprocess.Popen(
        [sys.executable, str(visitors), name, str(port), TOKEN],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=out_of_the_way,
    )
    try:
        # It says so when it has begun.
        if process.stdout.readline().strip() != "begun":
            raise SystemExit(f"bench: the visitor {name} did not begin")
        yield
        if process.poll() is not None:
            raise SystemExit(f"bench: the visitor {name} left early")
    finally:
        process.terminate()
        process.wait()


def out_of_the_way():
    """On the load's core, and only while the load has nothing to do: else the visitor is what is measured."""
    os.sched_setaffinity(0, {LOAD_CORE})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def print_ratios(measured):
    print(f"Answers at {QUERIES_A_SECOND:,} queries a second, with somebody at the API and without:\n")
    print("| visitor | p99 without, µs | p99 beside, µs | ratio | lost | admin thread |\n|---|---|---|---|---|---|")
    for name, (without, beside) in measured.items():
        quiet = [(a, b) for a, b in zip(without, beside) if max(a.others, b.others) <= OTHERS_MAX]
        if not quiet:
            print(f"| {name} | disturbed by other processes | | | | |")
            continue
        a, b = (statistics.median(run.p99 for run in runs) for runs in zip(*quiet))
        lost = sum(run.lost for _, run in quiet)
        part = statistics.median(run.part for _, run in quiet)
        print(f"| {name.replace('_', ' ')} | {a:.0f} | {b:.0f} | {b / a:.2f} | {lost} | {part:.1%} |")
    print(f"\nThe budget is a ratio of {LATENCY_RATIO_MAX} and nothing lost.\n")
