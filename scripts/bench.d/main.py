"""Measures RotaDNS, a part at a time, beside gdnsd, NSD, Knot, BIND and PowerDNS where they do the same.

Each server has one worker; all share one core, the load has another. Rounds are interleaved (A B C D A B C D ...) and
medians reported, so that a slow minute of the machine meets everybody. What is printed is Markdown.
"""

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

import admin
import cores
import load
import million
import overload
import policies
import prober
import reload
import scale
import small
import tcp
from server import Server

# What each part says of itself, and whether it needs RotaDNS.
PARTS = {
    "udp": (small.bench_udp, False, "queries a second and CPU an answer over UDP"),
    "cores": (cores.bench_cores, False, "what a second core adds over UDP"),
    "tcp": (tcp.bench_tcp, False, "few, many, short, idle and stalled connections"),
    "million": (million.bench_million, False, "a zone of a million names: ready, memory, random names"),
    "scale": (scale.bench_scale, False, "10 thousand to 10 million names: time, memory and CPU an answer; draws docs/scale.svg"),
    "transfer": (million.bench_transfer, False, "the million names by AXFR"),
    "reload": (reload.bench_reload, True, "changed files and updates, under load"),
    "overload": (overload.bench_overload, False, "three times the questions that can be answered"),
    "probe": (prober.bench_probe, True, "what ten thousand TCP and a thousand HTTPS targets cost, how probes are spread"),
    "verdict": (prober.bench_verdict, True, "how soon a verdict is in the answers"),
    "admin": (admin.bench_admin, True, "visitors of the admin API, also bad ones"),
    "policies": (policies.bench_policies, True, "each way of choosing"),
}


def main():
    options = arguments()
    if options.arguments_alone:
        return
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("bench: needs two cores, one for the server and one for the load")
    bench, ours, _ = PARTS[options.part]
    if ours and not options.rotadns:
        sys.exit(f"bench: {options.part} measures RotaDNS alone")
    # Thousands of connections; the servers inherit it.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="rotadns-bench-") as folder:
        try:
            bench(options, Path(folder))
        except load.Failed as why:
            sys.exit(f"bench: {why}")
        finally:
            # Also where a measurement ended with a mistake.
            Server.stop_all()


def arguments():
    parts = "\n".join(f"  {name:10} {what}" for name, (_, _, what) in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=f"{__doc__}\nparts:\n{parts}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=PARTS, metavar="PART", help="what to measure, see above")
    parser.add_argument("--quick", action="store_true", help="one short round: does it run at all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server is loaded (5)")
    parser.add_argument("--seconds", type=int, default=5, help="how long each time (5)")
    parser.add_argument("--beside", metavar="NAMES", help="of the other servers these alone, as in gdnsd,Knot; in fewer minutes more rounds")
    parser.add_argument("--without-rotadns", action="store_true", help="the other servers alone")
    parser.add_argument("--with-hickory", action="store_true", help="hickory-dns too, built if need be")
    # Given by scripts/bench.
    parser.add_argument("--arguments-alone", action="store_true", help=argparse.SUPPRESS)
    for path in ("--rotadns", "--load", "--streams", "--transfer", "--hickory"):
        parser.add_argument(path, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1
    return options


if __name__ == "__main__":
    main()
