"""A zone of a million names by AXFR: how fast it is handed out, and what that costs beside the zone."""

from pathlib import Path

import load
import servers
from load import SERVER_CORE
from server import Server
from servers import Zone
from table import Table, print_head


def rotadns(binary):
    """Each allows whoever is on this machine."""
    configure = servers.rotadns(binary)

    def allowing(folder, port, zone):
        argv = configure(folder, port, zone)
        with (folder / "rotadns.yaml").open("a") as config:
            config.write("secondaries: {allow: [{address: 127.0.0.1}]}\n")
        return argv

    return allowing


def knot(folder, port, zone):
    argv = servers.knot(folder, port, zone)
    config = folder / "knot.conf"
    acl = "acl:\n- id: here\n  address: 127.0.0.1\n  action: transfer\nzone:\n"
    config.write_text(config.read_text().replace("zone:\n", acl, 1) + "  acl: here\n")
    return argv


def nsd(folder, port, zone):
    argv = servers.nsd(folder, port, zone)
    with (folder / "nsd.conf").open("a") as config:
        config.write("  provide-xfr: 127.0.0.1 NOKEY\n")
    return argv


def bench_transfer(options, origin, master_file, last, records, folder):
    """Rounds over servers that have read the zone; its last name is `last`."""
    measured = {"Knot": knot, "NSD": nsd}
    if options.rotadns:
        measured = {"RotaDNS": rotadns(options.rotadns)} | measured
    table = Table(measured, base="Knot")
    print_head(options, f"A zone of {records:,} records by AXFR, servers on one core, the client on the other.", measured)
    zone = Zone(origin, master_file)
    running = []
    for name, configure in measured.items():
        server = Server(name, configure, folder / f"{name}-transfer", zone)
        server.wait_for(last)
        server.pin(SERVER_CORE)
        running.append(server)
    for _ in range(options.rounds):
        for server in running:
            one_transfer(options, server, origin, records, table)
    for server in running:
        server.stop()
    table.print()


def one_transfer(options, server, origin, records, table):
    before, memory = server.cpu(), reset_peak(server)
    out = load.on_load_core(server, [options.transfer, f"127.0.0.1:{server.port}", origin])
    user, system = server.cpu().since(before)
    grown = max(peak(server) - memory, 0)
    told = load.figures(out)
    if told["records"] != records:
        server.fail(f"AXFR brought {told['records']:.0f} records of {records}")
    title = "AXFR of a million names"
    table.add(f"{title}: seconds", server.name, told["seconds"])
    table.add(f"{title}: records a second", server.name, told["records"] / told["seconds"])
    table.add(f"{title}: CPU s", server.name, user + system)
    table.add(f"{title}: memory beside the zone, MB", server.name, grown / 1e6)
    table.add(f"{title}: bytes, MB", server.name, told["bytes"] / 1e6)


def kilobytes(server, field):
    """A field of /proc/PID/status over all of a server's processes, in bytes."""
    total = 0
    for pid in server.pids():
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                total += int(line.split()[1])
    return total * 1024


def reset_peak(server):
    """Forgets the peak of memory so far; what is held now."""
    for pid in server.pids():
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    return kilobytes(server, "VmRSS")


def peak(server):
    return kilobytes(server, "VmHWM")
