"""The servers that are measured: each with one worker, everything it writes in a folder of its own,
stopped by the pid that was started."""

import grp
import os
import pwd
import random
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

POOL = [f"192.0.2.{last}" for last in range(1, 9)]
READY_SECONDS_MAX = 120


@dataclass
class Zone:
    """What is served: a master file, or the small zone with the pool, which each writes its own way."""

    origin: str
    master_file: Path | None = None


def master_file_header(origin):
    return (
        f"$ORIGIN {origin}.\n$TTL 3600\n"
        "@ IN SOA ns1 hostmaster 1 3600 600 1209600 300\n"
        "@ IN NS ns1\nns1 IN A 192.0.2.53\n"
    )


def pool_master_file(origin):
    addresses = "".join(f"pool 30 IN A {address}\n" for address in POOL)
    return f"{master_file_header(origin)}one IN A 192.0.2.80\n{addresses}"


def gdnsd(folder, port, zone):
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
        f"options => {{ listen => 127.0.0.1:{port}, udp_threads => 1, tcp_threads => 1,"
        f" run_dir => {folder}/run, state_dir => {folder}/state }}\n{plugins}"
    )
    return ["gdnsd", "-c", str(folder), "start"]


def nsd(folder, port, zone):
    master_file = zone.master_file
    if not master_file:
        master_file = folder / "zone"
        master_file.write_text(pool_master_file(zone.origin))
    config = folder / "nsd.conf"
    config.write_text(f"""\
server:
  server-count: 1
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
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {zone.origin}
  zonefile: "{master_file}"
""")
    return ["nsd", "-d", "-c", str(config)]


def knot(folder, port, zone):
    master_file = zone.master_file
    if not master_file:
        master_file = folder / "zone"
        master_file.write_text(pool_master_file(zone.origin))
    config = folder / "knot.conf"
    config.write_text(f"""\
server:
  listen: 127.0.0.1@{port}
  rundir: {folder}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  answer-rotation: on
log:
- target: stderr
  any: warning
database:
  storage: {folder}
zone:
- domain: {zone.origin}
  file: {master_file}
  zonefile-load: whole
  journal-content: none
""")
    return ["knotd", "-c", str(config)]


# It answers in the order of the file.
WITHOUT_ROTATION = {"hickory-dns"}


def hickory(binary):
    def configure(folder, port, zone):
        master_file = zone.master_file
        if not master_file:
            master_file = folder / "zone"
            master_file.write_text(pool_master_file(zone.origin))
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
file = "{master_file}"
""")
        return [str(binary), "--quiet", "--workers", "1", "--config", str(config)]

    return configure


def rotadns(binary):
    def configure(folder, port, zone):
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
            f"listen: [127.0.0.1:{port}]\nzones: {zones}\nstate: {folder}/state\nworkers: 1\nadmin: off\n"
            # The load comes from one address.
            "limits: {tcp_connections: 1000, tcp_per_client: 1000}\n"
        )
        return [str(binary), "serve", "--config", str(config)]

    return configure


@dataclass
class Cpu:
    """CPU time as the kernel counts it: the sum to the nanosecond, its two parts in ticks."""

    seconds: float
    user_ticks: int
    system_ticks: int

    def since(self, before):
        """(user, system) in seconds: the ticks give the proportion, the scheduler's clock the sum."""
        user = self.user_ticks - before.user_ticks
        system = self.system_ticks - before.system_ticks
        share = user / max(user + system, 1)
        total = self.seconds - before.seconds
        return total * share, total * (1 - share)


class Server:
    """A running server."""

    running = []

    def __init__(self, name, configure, folder, zone):
        self.name = name
        self.folder = folder
        folder.mkdir(parents=True)
        self.port = free_port()
        argv = configure(folder, self.port, zone)
        self.output = (folder / "output").open("wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output
        )
        Server.running.append(self)

    def wait_for(self, name):
        """Asks for `name` until it is answered; the seconds since the start."""
        while True:
            waited = time.monotonic() - self.started
            if self.process.poll() is not None:
                self.fail("ended before it answered")
            if waited > READY_SECONDS_MAX:
                self.fail(f"no answer for {name} in {READY_SECONDS_MAX} s")
            try:
                if self.ask(name, timeout=0.002).addresses:
                    return time.monotonic() - self.started
            except OSError:
                time.sleep(0.001)

    def ask(self, name, timeout=1):
        """The answer to A for `name` over UDP."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(timeout)
            # Connected, so that a closed port says so at once.
            asking.connect(("127.0.0.1", self.port))
            query_id = random.getrandbits(16)
            asking.send(query(query_id, name))
            while True:
                message = asking.recv(4096)
                if message[:2] == query_id.to_bytes(2):
                    return Answer(message)

    def pids(self):
        """The process and what it forked, as NSD does."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
        return found

    def threads(self):
        return [task for pid in self.pids() for task in Path(f"/proc/{pid}/task").iterdir()]

    def pin(self, core):
        """Every thread on one core, also those that have pinned themselves elsewhere."""
        for task in self.threads():
            os.sched_setaffinity(int(task.name), {core})

    def cpu(self):
        """What its threads have used so far."""
        total = sum(int((task / "schedstat").read_text().split()[0]) for task in self.threads())
        user = system = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            user += int(fields[11])
            system += int(fields[12])
        return Cpu(total / 1e9, user, system)

    def memory_bytes(self):
        """What it holds, shared pages divided among their holders (PSS)."""
        kilobytes = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
        return kilobytes * 1024

    @classmethod
    def stop_all(cls):
        for server in list(cls.running):
            server.stop()

    def stop(self):
        if self in Server.running:
            Server.running.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()

    def fail(self, what):
        self.stop()
        output = (self.folder / "output").read_text(errors="replace")
        raise SystemExit(f"bench: {self.name}: {what}; it said:\n{output}")


def free_port():
    """A port of 127.0.0.1 that neither UDP nor TCP uses, outside the range that clients get."""
    while True:
        port = random.randint(20000, 32000)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


def query(query_id, name):
    """A question for A, as it goes over the wire (RFC 1035 §4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", query_id, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


class Answer:
    """The code of an answer and the addresses of its answer section, in order."""

    def __init__(self, message):
        self.rcode = message[3] & 0xF
        count = int.from_bytes(message[6:8])
        at = skip_name(message, 12) + 4
        self.addresses = []
        for _ in range(count):
            at = skip_name(message, at)
            kind, _, _, length = struct.unpack_from("!HHIH", message, at)
            at += 10
            if kind == 1:
                self.addresses.append(socket.inet_ntoa(message[at : at + length]))
            at += length


def skip_name(message, at):
    while message[at] not in (0, *range(0xC0, 0x100)):
        at += 1 + message[at]
    return at + (1 if message[at] == 0 else 2)
