"""How the cost of a zone grows with its names: time to ready, memory, and CPU an answer for random names."""

import os
import sys
from pathlib import Path

import load
import million
import plot
import servers
from load import SERVER_CORE
from server import Server
from servers import Zone
from table import print_head, shown

SIZES = [10_000, 100_000, 1_000_000, 10_000_000]
QUICK_SIZES = SIZES[:2]
COMPARED = ["RotaDNS", "gdnsd", "Knot", "NSD"]
# One run that takes longer, or would take more than this part of what memory is free, is left out.
READY_SECONDS_MAX = 180
MEMORY_SHARE_MAX = 0.7
# A run of ten million is long, and what it shows does not change much from one to the next.
ROUNDS_OF_LARGEST = 1
PLOT = Path(__file__).resolve().parents[2] / "docs" / "scale.svg"


def bench_scale(options, folder):
    sizes = QUICK_SIZES if options.quick else SIZES
    configured = servers.measured(options)
    measured = {name: configured[name] for name in COMPARED if name in configured}
    shape = "A master file of so many names with an A record each; the time until the last of them is answered, on all cores; then random names over UDP."
    print_head(options, shape, measured)
    runs = {}
    for size in sizes:
        zone = Zone(million.ORIGIN, million.names_file(folder, size))
        questions = million.random_questions(folder, size)
        for turn in range(ROUNDS_OF_LARGEST if size == SIZES[-1] else options.rounds):
            for name, configure in measured.items():
                if too_large(runs, name, size):
                    print(f"{name}: {size:,} names would not fit into memory", file=sys.stderr)
                    continue
                server = Server(name, configure, folder / f"{name}-{size}-{turn}", zone)
                try:
                    run = one_run(options, server, size, questions)
                except (SystemExit, load.Failed) as why:
                    if name == servers.OURS:
                        raise
                    server.stop()
                    print(f"{name}: {size:,} names: {why}", file=sys.stderr)
                    continue
                runs.setdefault((name, size), []).append(run)
                print(f"{name}, {size:,} names: {', '.join(map(shown, run))}", file=sys.stderr)
        zone.master_file.unlink()
    best = {key: [sorted(column)[len(column) // 2] for column in zip(*each)] for key, each in runs.items()}
    print_growth(best, sizes, list(measured))
    if not options.quick:
        draw(best, list(measured))


def too_large(runs, name, size):
    """By what the size before took a name."""
    before = runs.get((name, size // 10))
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cached = int(next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("Cached:")).split()[1])
    # While it reads, it may hold twice what it keeps.
    return before is not None and 20 * before[0][1] * 1e6 > MEMORY_SHARE_MAX * (free + cached * 1024)


def one_run(options, server, size, questions):
    """Seconds to ready, MB, µs of CPU an answer in user space and in all, and answers a second."""
    ready = server.wait_for(million.last_name(size), READY_SECONDS_MAX)
    server.pin(SERVER_CORE)
    run = load.udp(options, server, questions, nxdomain_share=0)
    memory = server.memory_bytes() / 1e6
    server.stop()
    return ready, memory, run.user, run.user + run.system, run.queries_a_second


MEASURES = ["ready in, s", "memory (PSS), MB", "CPU µs an answer in user space", "CPU µs an answer", "queries a second"]


def print_growth(best, sizes, names):
    print("| names | measure |", " | ".join(names), "|\n|---|---|" + "---|" * len(names))
    for size in sizes:
        for place, measure in enumerate(MEASURES):
            base = best.get(("gdnsd", size))
            cells = []
            for name in names:
                if (name, size) not in best:
                    cells.append("–")
                    continue
                value = best[name, size][place]
                ratio = f" ({value / base[place]:.2f})" if base and base[place] else ""
                cells.append(f"{shown(value)}{ratio}")
            print(f"| {size:,} | {measure} |", " | ".join(cells), "|")
    print("\nIn brackets the ratio to gdnsd. Growth from one size to the next, ten times larger:\n")
    print("| measure | from, to |", " | ".join(names), "|\n|---|---|" + "---|" * len(names))
    for place, measure in enumerate(MEASURES[:3]):
        for small, large in zip(sizes, sizes[1:]):
            grown = [growth(best, name, small, large, place) for name in names]
            print(f"| {measure} | {small:,}, {large:,} |", " | ".join(grown), "|")
    print()


def growth(best, name, small, large, place):
    if (name, small) not in best or (name, large) not in best or not best[name, small][place]:
        return "–"
    return f"{best[name, large][place] / best[name, small][place]:.1f}"


def draw(best, names):
    headings = {0: "Ready in, seconds", 1: "Memory (PSS), MB", 2: "CPU µs an answer, user space"}
    panels = []
    for place, heading in headings.items():
        lines = {}
        for name in names:
            points = [(size, best[name, size][place]) for size in SIZES if (name, size) in best]
            lines[name] = [(x, y) for x, y in points if y > 0]
        panels.append((heading, lines))
    plot.write(PLOT, "What a zone costs, by how many names it has", panels)
    print(f"![What a zone costs, by how many names it has]({PLOT.name})\n")
