"""What each way of choosing costs an answer: pools of eight that differ in nothing else, of one server."""

import statistics
import sys

import load
from load import SERVER_CORE
from server import Server
from servers import OURS, POOL, Zone
from table import print_head

ORIGIN = "policies.example"
# The budget: CPU an answer, to that of a pool in turn.
RATIO_MAX = 1.10
# The row that the others are compared with.
BASE = "in turn"

WEIGHTED = ", ".join(
    f"b{place}: {{address: {address}, weight: {weight}}}"
    for place, (address, weight) in enumerate(zip(POOL, [1, 2, 3, 5, 7, 11, 13, 17]))
)
PLACES = [(59.9, 10.7), (50.1, 8.7), (40.7, -74.0), (37.8, -122.4), (35.7, 139.7), (-33.9, 151.2), (1.3, 103.8), (51.5, 0.1)]
NEAREST = ", ".join(
    f"b{place}: {{address: {address}, location: [{north}, {east}]}}"
    for place, (address, (north, east)) in enumerate(zip(POOL, PLACES))
)
PRIVATE = ", ".join(f"b{place}: {{address: {address}, private: 10.0.0.{place + 1}}}" for place, address in enumerate(POOL))
BACKENDS = ", ".join(POOL)
# What a name has, by what the table calls it. Each answer has one address; the load comes from 127.0.0.1.
RECORDS = {
    BASE: f"{{pool: {{answers: 1, backends: {{{WEIGHTED}}}}}}}",
    "weighted": f"{{pool: {{policy: weighted, backends: {{{WEIGHTED}}}}}}}",
    "hash": f"{{pool: {{policy: hash, backends: {{{WEIGHTED}}}}}}}",
    "least load": f"{{pool: {{policy: least_load, answers: 1, backends: {{{WEIGHTED}}}}}}}",
    "nearest": f"{{pool: {{policy: nearest, backends: {{{NEAREST}}}}}}}",
    "a rule by subnet": "{rules: [{subnets: [10.0.0.0/8], pool: other}, {subnets: [127.0.0.0/8], pool: plain}, {pool: other}]}",
    "a rule by country": "{rules: [{countries: [US], pool: other}, {countries: ['NO'], pool: plain}, {pool: other}]}",
    "a view": f"{{pool: {{answers: 1, backends: {{{PRIVATE}}}}}}}",
}
# The same way once more: what the table says of it is what it does not know better.
AGAIN = "in turn, again"


def label(policy):
    return policy.replace(" ", "-").replace(",", "")


def bench_policies(options, folder):
    """The ways in turn, each asked for by itself."""
    server = Server("RotaDNS", configure(options.rotadns), folder / "policies", Zone(ORIGIN))
    policies = [BASE, AGAIN, *(policy for policy in RECORDS if policy != BASE)]
    for policy in policies:
        server.wait_for(f"{label(policy)}.{ORIGIN}")
    server.pin(SERVER_CORE)
    validate(server)
    runs = {policy: [] for policy in policies}
    for turn in range(options.rounds):
        # In the other order each second time, so that none always comes behind the same.
        for policy in policies if turn % 2 == 0 else reversed(policies):
            questions = folder / f"questions-{label(policy)}"
            questions.write_text(f"{label(policy)}.{ORIGIN} A\n")
            run = load.udp(options, server, questions, nxdomain_share=0)
            print(f"{policy}: {run.user:.3f} + {run.system:.3f} µs an answer", file=sys.stderr)
            runs[policy].append(run)
    server.stop()
    print_head(options, "RotaDNS asked over UDP for one way after the other.", [OURS])
    print(f"One address of a pool of {len(POOL)}, medians, and in brackets the ratio to one {BASE}:\n")
    print("| chosen | CPU µs an answer | in user space |\n|---|---|---|")
    measures = (lambda run: run.user + run.system, lambda run: run.user)
    base = [statistics.median(map(measure, runs[BASE])) for measure in measures]
    for policy, each in runs.items():
        medians = [statistics.median(map(measure, each)) for measure in measures]
        cells = [f"{median:.2f} ({median / to:.2f})" if to else f"{median:.2f}" for median, to in zip(medians, base)]
        print(f"| {policy} |", " | ".join(cells), "|")
    print(f"\nThe budget is a ratio of {RATIO_MAX:.2f} in CPU an answer.\n")


def validate(server):
    """Each name answers with one address, of those that its way of choosing gives to this client."""
    nearest, private = {POOL[0]}, {f"10.0.0.{place + 1}" for place in range(len(POOL))}
    for policy in RECORDS:
        expected = {"nearest": nearest, "a view": private}.get(policy, set(POOL))
        answer = server.ask(f"{label(policy)}.{ORIGIN}")
        if answer.rcode != 0 or len(answer.addresses) != 1 or not set(answer.addresses) <= expected:
            server.fail(f"{policy}: rcode {answer.rcode}, {answer.addresses}, expected one of {expected}")


def configure(binary):
    def configure(folder, port, zone):
        zones = folder / "zones"
        zones.mkdir()
        records = "".join(f"  {label(policy)}: {record}\n" for policy, record in RECORDS.items())
        (zones / f"{zone.origin}.yaml").write_text(f"""\
zone: {zone.origin}
ns: [ns1]
views: {{private: [127.0.0.0/8]}}
pools:
  plain: {{answers: 1, backends: [{BACKENDS}]}}
  other: {{answers: 1, backends: [203.0.113.1]}}
records:
  ns1: {{A: 192.0.2.53}}
  {label(AGAIN)}: {RECORDS[BASE]}
{records}""")
        config = folder / "rotadns.yaml"
        config.write_text(
            f"listen: [127.0.0.1:{port}]\nzones: {zones}\nstate: {folder}/state\nworkers: 1\nadmin: off\n"
            "geo: {subnets: {127.0.0.0/8: {country: 'NO', location: [59.9, 10.7]}}}\n"
        )
        return [str(binary), "serve", "--config", str(config)]

    return configure
