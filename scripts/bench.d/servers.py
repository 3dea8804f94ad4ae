"""The servers that are compared, each configured as well as we know for this: one worker, minimal responses, no log of
queries, and no limit on what one client may do, as the load comes from few addresses."""

import functools
import grp
import os
import pwd
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

POOL = [f"192.0.2.{last}" for last in range(1, 9)]
OURS = "RotaDNS"
# More connections than any part opens, where the process may have as many files open.
CONNECTIONS = 25_000
IDLE_SECONDS = 120


@dataclass
class Zone:
    """What is served: a master file, or the small zone with the pool, which each writes its own way."""

    origin: str
    master_file: Path | None = None


def measured(options):
    """How each server is configured, by its name in the tables; ours is first. Each takes a count of workers too, which is one
    where nothing is said; hickory-dns, BIND and PowerDNS take none."""
    found = {"gdnsd": gdnsd, "NSD": nsd, "Knot": knot, "BIND": bind, "PowerDNS": powerdns}
    if options.hickory:
        found["hickory-dns"] = hickory(options.hickory)
    if options.beside:
        wanted = options.beside.split(",")
        if unknown := set(wanted) - set(found):
            sys.exit(f"bench: --beside wants names among {', '.join(found)}, not {', '.join(sorted(unknown))}")
        found = {name: found[name] for name in wanted}
    return ({OURS: rotadns(options.rotadns)} if options.rotadns else {}) | found


# The one answers in the order of the file; the other draws an order, and keeps it while the packet is in its cache.
WITHOUT_ROTATION = {"hickory-dns", "PowerDNS"}
PACKAGES = {"gdnsd": "gdnsd", "NSD": "nsd", "Knot": "knot", "BIND": "bind9", "PowerDNS": "pdns-server"}


@functools.cache
def version(name, binary=None):
    """As Debian has it, without its own revision; of what is not Debian's as it says itself."""
    if name in PACKAGES:
        out = run("dpkg-query", "--show", "--showformat=${source:Upstream-Version}", PACKAGES[name])
        return out.split("+")[0]
    return run(str(binary), "--version").split()[-1]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def connections():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(CONNECTIONS, most - 200)


def master_file_header(origin):
    return (
        f"$ORIGIN {origin}.\n$TTL 3600\n"
        "@ IN SOA ns1 hostmaster 1 3600 600 1209600 300\n"
        "@ IN NS ns1\nns1 IN A 192.0.2.53\n"
    )


def master_file_of(folder, zone):
    """The zone's own, or one of the small zone."""
    if zone.master_file:
        return zone.master_file
    made = folder / "zone"
    addresses = "".join(f"pool 30 IN A {address}\n" for address in POOL)
    made.write_text(f"{master_file_header(zone.origin)}one IN A 192.0.2.80\n{addresses}")
    return made


def gdnsd(folder, port, zone, workers=1):
    zones = folder / "zones"
    zones.mkdir()
    target = zones / zone.origin
    plugins = ""
    if zone.master_file:
        target.symlink_to(zone.master_file)
    else:
        target.write_text(
            f"{master_file_header(zone.origin)}one IN A 192.0.2.80\npool 30 DYNA multifo!pool\n"
        )
        plugins = f"plugins => {{ multifo => {{ pool => {{ addrs_v4 => [ {', '.join(POOL)} ] }} }} }}\n"
    (folder / "config").write_text(
        f"options => {{ listen => 127.0.0.1:{port}, udp_threads => {workers}, tcp_threads => {workers},"
        f" tcp_clients_per_thread => {connections()}, tcp_timeout => {IDLE_SECONDS},"
        f" run_dir => {folder}/run, state_dir => {folder}/state }}\n{plugins}"
    )
    return ["gdnsd", "-c", str(folder), "start"]


def nsd(folder, port, zone, workers=1):
    config = folder / "nsd.conf"
    config.write_text(f"""\
server:
  server-count: {workers}
  reuseport: {"yes" if workers > 1 else "no"}
  ip-address: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  logfile: "{folder}/log"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  round-robin: yes
  minimal-responses: yes
  tcp-count: {connections()}
  tcp-timeout: {IDLE_SECONDS}
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {zone.origin}
  zonefile: "{master_file_of(folder, zone)}"
""")
    return ["nsd", "-d", "-c", str(config)]


def knot(folder, port, zone, workers=1):
    config = folder / "knot.conf"
    config.write_text(f"""\
server:
  listen: 127.0.0.1@{port}
  rundir: {folder}
  udp-workers: {workers}
  tcp-workers: {workers}
  background-workers: 1
  tcp-max-clients: {connections()}
  tcp-idle-timeout: {IDLE_SECONDS}
  tcp-reuseport: on
  answer-rotation: on
log:
- target: stderr
  any: warning
database:
  storage: {folder}
zone:
- domain: {zone.origin}
  file: {master_file_of(folder, zone)}
  zonefile-load: whole
  journal-content: none
""")
    return ["knotd", "-c", str(config)]


def bind(folder, port, zone):
    config = folder / "named.conf"
    config.write_text(f"""\
options {{
  directory "{folder}";
  pid-file none;
  session-keyfile none;
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  allow-query {{ any; }};
  allow-transfer {{ none; }};
  notify no;
  empty-zones-enable no;
  minimal-responses yes;
  querylog no;
  zone-statistics none;
  dnssec-validation no;
  rrset-order {{ order cyclic; }};
  tcp-clients {connections()};
  tcp-initial-timeout 300;
  tcp-idle-timeout {IDLE_SECONDS * 10};
}};
controls {{ }};
zone "{zone.origin}" {{ type primary; file "{master_file_of(folder, zone)}"; }};
""")
    # In the foreground, and its log, without queries, to the output.
    return ["named", "-g", "-4", "-n", "1", "-c", str(config)]


def powerdns(folder, port, zone):
    """With its backend of master files, and with both its caches for the time that it keeps to by itself."""
    zones = folder / "named.conf"
    zones.write_text(f'zone "{zone.origin}" {{ type master; file "{master_file_of(folder, zone)}"; }};\n')
    (folder / "pdns.conf").write_text(f"""\
launch=bind
bind-config={zones}
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
receiver-threads=1
distributor-threads=1
reuseport=yes
cache-ttl=20
query-cache-ttl=20
negquery-cache-ttl=60
max-tcp-connections={connections()}
max-tcp-connections-per-client=0
tcp-idle-timeout={IDLE_SECONDS}
guardian=no
daemon=no
disable-syslog=yes
log-dns-queries=no
loglevel=3
""")
    return ["pdns_server", f"--config-dir={folder}"]


def hickory(binary):
    def configure(folder, port, zone):
        config = folder / "named.toml"
        config.write_text(f"""\
listen_addrs_ipv4 = ["127.0.0.1"]
listen_port = {port}
user = "{pwd.getpwuid(os.getuid()).pw_name}"
group = "{grp.getgrgid(os.getgid()).gr_name}"
directory = "{folder}"
[[zones]]
zone = "{zone.origin}."
zone_type = "Primary"
file = "{master_file_of(folder, zone)}"
""")
        return [str(binary), "--quiet", "--workers", "1", "--config", str(config)]

    return configure


def rotadns(binary):
    def configure(folder, port, zone, workers=1):
        zones = folder / "zones"
        zones.mkdir()
        if zone.master_file:
            (zones / f"{zone.origin}.zone").symlink_to(zone.master_file)
        else:
            backends = ", ".join(POOL)
            (zones / f"{zone.origin}.yaml").write_text(f"""\
zone: {zone.origin}
ns: [ns1]
records:
  ns1: {{A: 192.0.2.53}}
  one: {{A: 192.0.2.80}}
  pool: {{pool: {{ttl: 30s, backends: [{backends}]}}}}
""")
        config = folder / "rotadns.yaml"
        config.write_text(
            f"listen: [127.0.0.1:{port}]\nzones: {zones}\nstate: {folder}/state\nworkers: {workers}\nadmin: off\n"
            f"limits: {{tcp_connections: {connections()}, tcp_per_client: {connections()}}}\n"
        )
        return [str(binary), "serve", "--config", str(config)]

    return configure


def rotadns_with(binary, fill, workers=1):
    """RotaDNS with the zones that `fill` puts into a folder, and no others."""

    def configure(folder, port, _):
        argv = rotadns(binary)(folder, port, Zone("unused"), workers)
        zones = folder / "zones"
        (zones / "unused.yaml").unlink()
        fill(zones)
        return argv

    return configure
