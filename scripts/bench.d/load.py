"""The load that a server is put under, and what that cost the server."""

import os
import re
import subprocess

SERVER_CORE, LOAD_CORE = 0, 1
# As many questions under way as any of the servers takes without losing one.
UDP_UNDER_WAY = 150
TCP_UNDER_WAY = 100
TCP_CONNECTIONS = 20
LOST_MAX = 0.001


def dnsperf(server, questions, seconds, *further):
    """Runs dnsperf on the load's core, and gives what it printed."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(questions)]
    return on_load_core(server, [*command, "-l", str(seconds), "-T", "1", *further])


def on_load_core(server, command):
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


class Load:
    """One run against a server: answers a second, and CPU in microseconds an answer."""

    def __init__(self, server, run, nxdomain_share):
        before = server.cpu()
        self.sent, self.answers, self.seconds, good, missing = run()
        after = server.cpu()
        lost = self.sent - self.answers
        if self.answers == 0 or lost > max(self.sent * LOST_MAX, UDP_UNDER_WAY):
            server.fail(f"of {self.sent:.0f} questions {lost:.0f} were lost")
        if good + missing != self.answers or abs(missing / self.answers - nxdomain_share) > 0.01:
            server.fail(f"wrong answers under load: {good} NOERROR, {missing} NXDOMAIN of {self.answers}")
        self.queries_a_second = self.answers / self.seconds
        user, system = after.since(before)
        self.user = user / self.answers * 1e6
        self.system = system / self.answers * 1e6
        # The threads' time over the load's: below one the load was too weak to fill the server's core.
        self.busy = (user + system) / self.seconds


def udp(options, server, questions, nxdomain_share):
    """Our own load: many questions a system call, so that the server's core is full before the load's is."""

    def run():
        where = f"127.0.0.1:{server.port}"
        out = on_load_core(server, [options.load, where, questions, options.seconds, UDP_UNDER_WAY])
        told = {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", out)}
        # What was under way at the end is not lost.
        sent = told["sent"] - min(told["sent"] - told["answers"], UDP_UNDER_WAY)
        return sent, told["answers"], told["seconds"], told["noerror"], told["nxdomain"]

    return Load(server, run, nxdomain_share)


def tcp(options, server, questions, nxdomain_share):
    """dnsperf over many connections."""

    def run():
        further = ["-m", "tcp", "-c", TCP_CONNECTIONS, "-q", TCP_UNDER_WAY]
        out = dnsperf(server, questions, options.seconds, *further)

        def figure(pattern):
            found = re.search(pattern, out)
            return float(found[1]) if found else 0.0

        sent, answers = figure(r"Queries sent: +(\d+)"), figure(r"Queries completed: +(\d+)")
        seconds = answers / max(figure(r"Queries per second: +([\d.]+)"), 1e-9)
        return sent, answers, seconds, figure(r"NOERROR (\d+)"), figure(r"NXDOMAIN (\d+)")

    return Load(server, run, nxdomain_share)
