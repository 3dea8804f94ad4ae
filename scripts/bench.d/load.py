"""The load that a server is put under, and what that cost the server."""

import os
import re
import subprocess
from contextlib import contextmanager

import servers

SERVER_CORE, LOAD_CORE = 0, 1
# As many questions under way as any of the servers takes without losing one.
UDP_UNDER_WAY = 150
LOST_MAX = 0.001


def on_load_core(server, command):
    """Runs a command on the load's core, and gives what it printed."""
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
    )
    if done.returncode != 0:
        server.fail(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def dnsperf(server, questions, seconds, *further):
    """Where each answer is wanted by itself; as a load it is too weak to fill a server's core."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(questions)]
    return on_load_core(server, [*command, "-l", str(seconds), "-T", "1", *further])


def figures(out):
    """The `key=number` pairs of our own programs."""
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", out)}


class Failed(Exception):
    """A server did not stand the load; the text says how."""


class Load:
    """One run against a server: answers a second, and CPU in microseconds an answer."""

    def __init__(self, server, command, under_way, nxdomain_share):
        before = server.cpu()
        told = figures(on_load_core(server, command))
        after = server.cpu()
        self.answers, self.seconds, self.failed = told["answers"], told["seconds"], told.get("failed", 0)
        if self.answers == 0:
            raise Failed(f"{server.name}: no answer under load")
        # What was under way at the end is not lost.
        lost = told["sent"] - self.answers - under_way
        if lost > max(told["sent"] * LOST_MAX, under_way):
            raise Failed(f"{server.name}: of {told['sent']:.0f} questions {lost:.0f} were lost")
        missing = told["nxdomain"]
        if told["other"] or abs(missing / self.answers - nxdomain_share) > 0.01:
            raise Failed(f"{server.name}: wrong answers under load: {missing:.0f} NXDOMAIN, {told['other']:.0f} others of {self.answers:.0f}")
        self.queries_a_second = self.answers / self.seconds
        user, system = after.since(before)
        self.user = user / self.answers * 1e6
        self.system = system / self.answers * 1e6
        # The threads' time over the load's: below one the load was too weak to fill the server's core.
        self.busy = (user + system) / self.seconds

    def add_to(self, table, title, name):
        table.add(f"{title}: queries a second", name, self.queries_a_second)
        table.add(f"{title}: CPU µs an answer", name, self.user + self.system)
        table.add(f"{title}: – in user space", name, self.user)
        table.add(f"{title}: – in the kernel", name, self.system)
        table.add(f"{title}: – how full its core was", name, self.busy)


def attempt(table, title, server, run):
    """What `run` gives; nothing where a server other than ours did not stand it, which a note says."""
    try:
        return run()
    except Failed as why:
        if server.name == servers.OURS:
            raise
        table.note(f"{why} ({title})")
        return None


def udp(options, server, questions, nxdomain_share):
    """Many questions a system call, so that the server's core is full before the load's is."""
    command = [options.load, f"127.0.0.1:{server.port}", questions, options.seconds, UDP_UNDER_WAY]
    return Load(server, command, UDP_UNDER_WAY, nxdomain_share)


def tcp(options, server, questions, nxdomain_share, mode, connections, each=1):
    """Connections that have `each` questions under way, or one question each (`keep` and `once`)."""
    command = streams(options, server, questions, options.seconds, mode, connections, each)
    return Load(server, command, connections * each, nxdomain_share)


def streams(options, server, questions, *further):
    return [options.streams, f"127.0.0.1:{server.port}", questions, *further]


@contextmanager
def beside(command):
    """A program on the load's core that says "begun", goes on while something else is done, and ends with its input.
    The dictionary has its figures when it is over."""
    process = subprocess.Popen(
        list(map(str, command)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
    )
    told = {}
    try:
        if process.stdout.readline().strip() != "begun":
            raise SystemExit(f"bench: {command[0]} did not begin")
        yield told
        out, _ = process.communicate()
        told.update(figures(out))
    finally:
        process.kill()
        process.wait()
