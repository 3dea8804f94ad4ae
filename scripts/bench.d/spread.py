"""How probes are spread: over the first seconds, and over an interval once they are settled; and what they cost a core.

The targets write down when they were reached; so what is told is what they see, not what the prober says of itself."""

import re
import sys
import time
import urllib.request
from bisect import bisect_right
from collections import Counter

import prober
import targets
from latency import thread_seconds
from load import SERVER_CORE
from server import Server, free_port
from servers import Zone

POOL_TARGETS = 1000
INTERVAL = 10
# How many intervals are watched, and how many pass before: the first probes of what was added together come together.
WATCHED, SETTLING = 3, 2
FIRST_SECONDS = 5
SLOT = 0.1
# Of new targets and of what was held up, in `src/prober/schedule.rs`; and what may be late without being held up.
RATE, BURST, HELD_UP = 5000, 100, 0.1
KINDS = {"TCP": 10_000, "HTTPS": 1_000}


def bench_spread(options, folder):
    watched = 1 if options.quick else WATCHED
    certificate = targets.certificate(folder)
    columns = {}
    for kind, count in KINDS.items():
        columns[kind] = one_kind(options, folder, kind, count, watched, certificate if kind == "HTTPS" else None)
        print(f"{kind}: {columns[kind]}", file=sys.stderr)
    names = [f"{count:,} {kind} targets" for kind, count in KINDS.items()]
    print(f"Probes every {INTERVAL} s, watched for {watched * INTERVAL} s once they are settled, as the targets see them:\n")
    print("| measure |", " | ".join(names), "| wanted |\n|---|---|---|---|")
    wanted = {"CPU for health, of one core": f"≤ {prober.HEALTH_CPU_MAX:.0%}", "late probes counted": "0"}
    # Beside the rate and its burst there are second probes that are on time.
    due = max(KINDS.values()) / INTERVAL
    for title, span in [("100 ms", SLOT), ("a second", 1)]:
        wanted[f"at the start: most in {title}"] = f"≤ {BURST + RATE * span + due * (span + HELD_UP):,.0f}"
    for measure in columns["TCP"]:
        cells = [columns[kind][measure] for kind in KINDS]
        print(f"| {measure} |", " | ".join(cells), f"| {wanted.get(measure, '')} |")
    print()


def one_kind(options, folder, kind, count, watched, certificate):
    port, admin = free_port(), free_port()
    check = f"tcp: {{port: {port}}}"
    if certificate:
        check = f"https: {{port: {port}, path: /, verify: false}}"
    zone = prober.probed_zone(f"check: {{{check}, interval: {INTERVAL}s}}, ", count // POOL_TARGETS)
    with targets.listening(folder, port, certificate) as taken:
        started = time.monotonic()
        configure = prober.configure(options.rotadns, zone, f"{{listen: '127.0.0.1:{admin}'}}")
        server = Server(f"RotaDNS, {kind}", configure, folder / f"spread-{kind}", Zone(prober.ORIGIN))
        server.pin(SERVER_CORE)
        server.wait_for(f"pool-0.{prober.ORIGIN}")
        server.pin(SERVER_CORE)
        settling = 1 if options.quick else SETTLING
        time.sleep(max(started + settling * INTERVAL - time.monotonic(), 0))
        begun, used = time.monotonic(), thread_seconds(server, prober.HEALTH_THREADS)
        time.sleep(watched * INTERVAL)
        ended = time.monotonic()
        used = (thread_seconds(server, prober.HEALTH_THREADS) - used) / (ended - begun)
        late = late_probes(admin)
        came = taken()
        server.stop()
    first = min(at for at, _ in came)
    at_first = sorted(at for at, _ in came if at < first + FIRST_SECONDS)
    settled = [(at, resumed) for at, resumed in came if begun <= at < ended]
    later = slots([at for at, _ in settled], begun, ended - begun)
    each = len(settled) / len(later)
    return {
        "CPU for health, of one core": f"{used:.1%}",
        "probes, to those that are due": f"{len(settled) / (count / INTERVAL * (ended - begun)):.2f}",
        "at the start: most in 100 ms": f"{most_within(SLOT, at_first):,}",
        "at the start: most in a second": f"{most_within(1, at_first):,}",
        "settled: in 100 ms, mean and most": f"{each:.1f}, {max(later)} ({max(later) / each:.2f})",
        "settled: most in a second, to the mean": f"{most_in_a_second(later) / (10 * each):.2f}",
        "sessions resumed": f"{sum(resumed for _, resumed in settled) / max(len(settled), 1):.0%}" if certificate else "",
        "late probes counted": late,
    }


def slots(times, begun, seconds):
    """How many fell into each 100 ms."""
    count = Counter(int((at - begun) / SLOT) for at in times)
    return [count[slot] for slot in range(max(int(seconds / SLOT), 1))]


def most_within(span, times):
    """The most of these times, in order, that any such span holds."""
    return max(bisect_right(times, at + span) - place for place, at in enumerate(times))


def most_in_a_second(counts):
    return max(sum(counts[at : at + 10]) for at in range(max(len(counts) - 9, 1)))


def late_probes(admin):
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics") as answer:
        page = answer.read().decode()
    counted = re.findall(r'^rotadns_probes_late_total\{reason="(\w+)"\} (\d+)', page, re.M)
    late = [f"{number} ({reason})" for reason, number in counted if number != "0"]
    return ", ".join(late) or ("0" if counted else "not counted")
