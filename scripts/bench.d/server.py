"""A server that is measured: everything it writes in a folder of its own, stopped by the pid that was started."""

import os
import random
import signal
import socket
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS_MAX = 120


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

    def wait_for(self, name, seconds=READY_SECONDS_MAX):
        """Asks for `name` until it is answered; the seconds since the start."""
        while True:
            waited = time.monotonic() - self.started
            if self.process.poll() is not None:
                self.fail("ended before it answered")
            if waited > seconds:
                self.fail(f"no answer for {name} in {seconds} s")
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
                # Threads come and go: PowerDNS has one a connection.
                with suppress(FileNotFoundError, ProcessLookupError):
                    found += [int(child) for child in children.read_text().split()]
        return found

    def threads(self):
        return [task for pid in self.pids() for task in Path(f"/proc/{pid}/task").iterdir()]

    def pin(self, core):
        """Every thread on one core, also those that have pinned themselves elsewhere."""
        for task in self.threads():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), {core})

    def cpu(self):
        """What its threads have used so far, also those that are gone."""
        total = user = system = 0
        for pid in self.pids():
            total += time.clock_gettime(process_clock(pid))
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            user += int(fields[11])
            system += int(fields[12])
        return Cpu(total, user, system)

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


def process_clock(pid):
    """The clock of a process's CPU time (clock_getcpuclockid(3)), which Python gives for threads of its own alone."""
    return ~pid << 3 | 2


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
