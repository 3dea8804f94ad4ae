"""What a change of a file costs: one zone among very many, and a zone of a million names under load."""

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import load
import million
import servers
import update
from latency import Latency
from load import LOAD_CORE, SERVER_CORE, UDP_UNDER_WAY
from server import Server
from servers import Zone
from table import print_head

ZONES, NAMES_EACH = 10_000, 100
CHANGES, CHANGE_MS_MAX = 20, 100
MILLION = million.NAMES
# For a reload to be over, and for what it left to be given back.
SETTLED_SECONDS, QUICK_SETTLED_SECONDS, QUICK_CHANGES = 8, 1, 3
P99_RATIO_MAX = 2.0
LOADERS = ("loader",)


def bench_reload(options, folder):
    names = million.names_file(folder)
    print_head(options, "RotaDNS reads changed files, all its threads on one core for a zone of a million names.", [servers.OURS])
    one_among_many(options, folder)
    under_load(options, million.ORIGIN, names, folder)
    update.bench_update(options, million.ORIGIN, MILLION, names, folder)


def settled(options):
    return QUICK_SETTLED_SECONDS if options.quick else SETTLED_SECONDS


def one_among_many(options, folder):
    """From the moment at which a file is changed until an answer has the change."""
    made = {"a master file": (".zone", master_zone), "YAML with a checked pool": (".yaml", pool_zone)}
    ready, took = {}, {}
    for what, (ending, text) in made.items():
        place = folder / f"many{ending}"
        zones = place / "zones"
        server = Server(f"RotaDNS, {what}", many(options.rotadns, ending, text), place, Zone("many"))
        last = origin_of(ZONES - 1)
        ready[what] = server.wait_for(f"n{NAMES_EACH - 1}.{last}"), server.memory_bytes() / 1e6
        time.sleep(settled(options))
        changes = QUICK_CHANGES if options.quick else CHANGES
        ways = {"written in its place": in_place, "renamed to its name": by_rename}
        for begin, (way, write) in enumerate(ways.items()):
            turns = range(begin * changes, (begin + 1) * changes)
            took[what, way] = [until_served(server, zones, ending, text, write, turn) for turn in turns]
            print(f"{what}, {way}: {statistics.median(took[what, way]):.1f} ms", file=sys.stderr)
        server.stop()
    print(f"One zone changed among {ZONES:,} of {NAMES_EACH} names, {changes} times each:\n")
    print("| the zones | the file is | in answers after, ms: median | worst |\n|---|---|---|---|")
    for (what, way), times in took.items():
        print(f"| {what} | {way} | {statistics.median(times):.1f} | {max(times):.1f} |")
    print(f"\nThe budget is {CHANGE_MS_MAX} ms. All zones were ready after ", end="")
    print(" and ".join(f"{after:.2f} s with {memory:.0f} MB ({what})" for what, (after, memory) in ready.items()))
    print()


def many(binary, ending, text):
    def fill(zones):
        for number in range(ZONES):
            (zones / f"{origin_of(number)}{ending}").write_text(text(number, 1))
        with (zones.parent / "rotadns.yaml").open("a") as config:
            config.write("prober: {first_round: 100ms}\n")

    return servers.rotadns_with(binary, fill)


def origin_of(number):
    return f"z{number:05}.example"


def address(turn):
    return f"192.0.2.{turn}"


def master_zone(number, turn):
    names = "".join(f"n{n} IN A 192.0.{number >> 8}.{n}\n" for n in range(NAMES_EACH))
    return f"{servers.master_file_header(origin_of(number))}{names}turn IN A {address(turn)}\n"


def pool_zone(number, turn):
    """With targets of its own, which are probed so seldom that the probes cost nothing."""
    names = "".join(f"  n{n}: {{A: 192.0.{number >> 8}.{n}}}\n" for n in range(NAMES_EACH))
    backends = f"127.{number >> 8}.{number & 255}.{turn}"
    return (
        f"zone: {origin_of(number)}\nns: [ns1]\nrecords:\n  ns1: {{A: 192.0.2.53}}\n{names}"
        f"  turn: {{A: {address(turn)}}}\n"
        f"  pool: {{pool: {{check: {{tcp: {{port: 9}}, interval: 1h, timeout: 100ms}}, backends: [{backends}]}}}}\n"
    )


def in_place(file, text):
    file.write_text(text)


def by_rename(file, text):
    new = file.with_suffix(".new")
    new.write_text(text)
    new.rename(file)


def until_served(server, zones, ending, text, write, turn):
    """Milliseconds; each time another zone."""
    number = turn * 97 % ZONES
    expected = address(turn + 2)
    written = text(number, turn + 2)
    started = time.monotonic()
    write(zones / f"{origin_of(number)}{ending}", written)
    while time.monotonic() - started < 10:
        if server.ask(f"turn.{origin_of(number)}").addresses == [expected]:
            return (time.monotonic() - started) * 1000
    return server.fail(f"a change of {origin_of(number)} is not served")


def under_load(options, origin, master_file, folder):
    """A zone of a million names loaded again, all on one core with what answers: at a steady rate, and with that core full."""
    place = folder / "million-reload"
    own = folder / "million-reload.zone"
    own.write_bytes(Path(master_file).read_bytes())
    server = Server("RotaDNS", servers.rotadns(options.rotadns), place, Zone(origin, own))
    server.wait_for(f"n{MILLION - 1:06}.{origin}")
    server.pin(SERVER_CORE)
    questions = folder / "questions-reload"
    questions.write_text("".join(f"n{n:06}.{origin} A\n" for n in range(0, MILLION, 997)))
    time.sleep(settled(options))
    zone_file = place / "zones" / f"{origin}.zone"
    memory = [server.memory_bytes() / 1e6]
    without, beside, serving = [], [], []
    for turn in range(options.rounds):
        without.append(Latency(server, questions, settled(options), LOADERS))
        change(zone_file, own, 2 * turn + 2)
        beside.append(Latency(server, questions, settled(options), LOADERS))
        print(f"a million names: without {without[-1]}; while they are loaded {beside[-1]}", file=sys.stderr)
        serving.append(full(options, server, questions, (zone_file, own, origin), 2 * turn + 3))
        time.sleep(settled(options))
        memory.append(server.memory_bytes() / 1e6)
    server.stop()
    a, b = (statistics.median(run.p99 for run in runs) for runs in (without, beside))
    print(f"A zone of {MILLION:,} names loaded again while it answers, all threads on one core, {options.rounds} rounds:\n")
    print("| measure | value | budget |\n|---|---|---|")
    print(f"| p99 of answers at 2,000 a second without, µs | {a:.0f} | |")
    print(f"| p99 while it is loaded, µs | {b:.0f} ({b / a:.2f}) | at most {P99_RATIO_MAX:.1f} |")
    print(f"| lost at that rate | {sum(run.lost for run in without + beside)} | 0 |")
    rate = statistics.median(run["during"] / run["before"] for run in serving)
    print(f"| answers a second with a full core while it is loaded, to those without | {rate:.2f} | |")
    print(f"| lost with a full core | {sum(run['lost'] for run in serving):.0f} | 0 |")
    after = statistics.median(run["served"] for run in serving)
    print(f"| the new version is served after, with a full core, s | {after:.1f} | |")
    print(f"| memory (PSS) before, MB | {memory[0]:.0f} | |")
    print(f"| memory after each round, MB | {', '.join(f'{one:.0f}' for one in memory[1:])} | given back |\n")


def change(zone_file, own, serial):
    """Another version, in which a name and the serial differ."""
    text = own.read_text()
    text = re.sub(r"hostmaster \d+ ", f"hostmaster {serial} ", text, count=1)
    text = re.sub(r"\nn000000 IN A \S+\n", f"\nn000000 IN A {address(serial)}\n", text, count=1)
    new = zone_file.with_suffix(".new")
    new.write_text(text)
    own.write_text(text)
    new.rename(zone_file)


def full(options, server, questions, zone, serial):
    """The core full of questions, and the zone loaded again meanwhile."""
    zone_file, own, origin = zone
    before = run_load(options, server, questions, options.seconds)
    before.wait()
    seconds = max(options.seconds, 2 * settled(options))
    during = run_load(options, server, questions, seconds)
    time.sleep(0.5)
    change(zone_file, own, serial)
    changed = time.monotonic()
    served = None
    while during.poll() is None:
        # Asked seldom: the load's core has enough to do.
        if served is None and asked(server, origin) == [address(serial)]:
            served = time.monotonic() - changed
        time.sleep(0.02)
    a, b = (load.figures(run.stdout.read()) for run in (before, during))
    # What was under way at the end is not lost.
    lost = max(b["sent"] - b["answers"] - UDP_UNDER_WAY, 0)
    return {
        "before": a["answers"] / a["seconds"],
        "during": b["answers"] / b["seconds"],
        "lost": lost,
        "served": served if served is not None else float("nan"),
    }


def asked(server, origin):
    try:
        return server.ask(f"n000000.{origin}", timeout=0.05).addresses
    except OSError:
        return None


def run_load(options, server, questions, seconds):
    command = [options.load, f"127.0.0.1:{server.port}", questions, seconds, UDP_UNDER_WAY]
    return subprocess.Popen(
        ["taskset", "-c", str(LOAD_CORE), *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )

