"""The million names in other shapes: as one zone in YAML, and as ten thousand zones of a hundred; ours alone, in the rounds of `million`."""

import time

import servers
from server import Server
from servers import OURS, Zone

ZONES, EACH = 10_000, 100
NAMES = ZONES * EACH
# What a load needed is given back by then.
SETTLED_SECONDS, QUICK_SETTLED_SECONDS = 8, 1
ORIGIN = "million.example"
READY = "Ready in, s"
YAML_RATIO = "As YAML: time, to Knot's for the master file"
TIME_RATIO, MEMORY_RATIO = f"As {ZONES:,} zones: time, to that of one", f"As {ZONES:,} zones: memory, to that of one"
BUDGETS = {YAML_RATIO: "≤ 3", TIME_RATIO: "≤ 1.5", MEMORY_RATIO: "≤ 1.5"}


def round_of(options, folder, zone, table, turn):
    """One round; the servers have had theirs."""
    shapes = {
        "one zone": (servers.rotadns(options.rotadns), zone, f"n{NAMES - 1:06}.{zone.origin}"),
        "YAML": (servers.rotadns_with(options.rotadns, yaml), Zone("unused"), f"n{NAMES - 1:06}.{ORIGIN}"),
        "zones": (servers.rotadns_with(options.rotadns, zones), Zone("unused"), f"n{EACH - 1}.z{ZONES - 1}.example"),
    }
    ready, memory = {}, {}
    for shape, (configure, served, last) in shapes.items():
        server = Server(f"{OURS}, {shape}", configure, folder / f"shape-{shape}-{turn}", served)
        ready[shape] = server.wait_for(last)
        time.sleep(QUICK_SETTLED_SECONDS if options.quick else SETTLED_SECONDS)
        memory[shape] = server.memory_bytes() / 1e6
        server.stop()
    table.add("As YAML: ready in, s", OURS, ready["YAML"])
    table.add(YAML_RATIO, OURS, ready["YAML"] / table.latest(READY, "Knot"))
    table.add("As YAML: memory (PSS), MB", OURS, memory["YAML"])
    table.add(f"As {ZONES:,} zones: ready in, s", OURS, ready["zones"])
    table.add(f"As {ZONES:,} zones: memory (PSS), MB", OURS, memory["zones"])
    table.add(TIME_RATIO, OURS, ready["zones"] / ready["one zone"])
    table.add(MEMORY_RATIO, OURS, memory["zones"] / memory["one zone"])


def address(n):
    return f"192.0.{n >> 8 & 255}.{n & 255}"


def yaml(folder):
    with (folder / f"{ORIGIN}.yaml").open("w") as out:
        out.write(f"zone: {ORIGIN}\nns: [ns1]\nrecords:\n  ns1: {{A: 192.0.2.53}}\n")
        out.writelines(f"  n{n:06}: {{A: {address(n)}}}\n" for n in range(NAMES))


def zones(folder):
    for number in range(ZONES):
        origin = f"z{number}.example"
        names = "".join(f"n{n} IN A {address(number * EACH + n)}\n" for n in range(EACH))
        (folder / f"{origin}.zone").write_text(servers.master_file_header(origin) + names)
