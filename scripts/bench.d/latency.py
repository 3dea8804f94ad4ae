"""How long answers take at a steady rate, and who uses the server's core meanwhile."""

import os
import re
import time
from pathlib import Path

from load import SERVER_CORE, dnsperf

# Far below what a worker can do: what is measured is how long an answer waits, not how many there are.
QUERIES_A_SECOND = 2000
LATENCY_RATIO_MAX = 1.2
# What processes other than the server may use of its core; more, and the run measures them.
OTHERS_MAX = 0.10


class Latency:
    """One run of dnsperf at a fixed rate. `threads` are those whose part of a core is wanted."""

    def __init__(self, server, questions, seconds, threads):
        part, every, core = thread_seconds(server, threads), server.cpu().seconds, core_seconds()
        started = time.monotonic()
        out = dnsperf(server, questions, seconds, "-c", "1", "-Q", QUERIES_A_SECOND, "-v")
        lasted = time.monotonic() - started
        self.part = (thread_seconds(server, threads) - part) / lasted
        self.others = max((core_seconds() - core - (server.cpu().seconds - every)) / lasted, 0)
        # A line for each answer: "> NOERROR pool-0.probed.example A 0.000051"
        took = sorted(float(us) * 1e6 for us in re.findall(r"^> NOERROR \S+ A ([\d.]+)$", out, re.M))
        expected = seconds * QUERIES_A_SECOND
        if len(took) < expected * 0.95:
            server.fail(f"of {expected} questions {len(took)} were answered: {out[-500:]}")
        self.lost = out.count("[timeout]")
        self.p50, self.p99 = took[len(took) // 2], took[len(took) * 99 // 100]

    def __str__(self):
        used = f"its threads {self.part:.1%} of a core, others {self.others:.1%}"
        return f"p50 {self.p50:.0f} µs, p99 {self.p99:.0f} µs, lost {self.lost}, {used}"


def thread_seconds(server, names):
    """The CPU time that the server's threads of these names have used so far."""
    tasks = [task for task in server.threads() if (task / "comm").read_text().strip() in names]
    if len(tasks) != len(names):
        server.fail(f"it has not the threads {names}")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def core_seconds():
    """How long the server's core has been busy so far, with whatever it was."""
    lines = Path("/proc/stat").read_text().splitlines()
    fields = next(line for line in lines if line.startswith(f"cpu{SERVER_CORE} ")).split()[1:]
    user, nice, system, _idle, _iowait, *rest = map(int, fields[:8])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")
