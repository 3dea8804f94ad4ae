"""What the parts print: who was measured on what, and one table."""

import os
import platform
import statistics
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path

import servers


def print_head(options, shape, names):
    """One paragraph: the day, the machine, the versions and the load's shape."""
    binaries = {"RotaDNS": options.rotadns, "hickory-dns": options.hickory}
    versions = [f"{name} {servers.version(name, binaries.get(name))}" for name in names]
    print(f"{shape} {options.rounds} × {options.seconds} s each, in turns; medians. ", end="")
    print(f"Measured on {date.today()} on {machine()}", end="")
    *first, last = versions
    print(f", with {', '.join(first)} and {last}" if first else f", with {last}", end=".\n\n")


def machine():
    described = Path("/proc/cpuinfo").read_text()
    models = [line.split(":", 1)[1].strip() for line in described.splitlines() if line.startswith("model name")]
    virtual = ", virtual" if "hypervisor" in described else ""
    others = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0))
    release = platform.release().split("-")[0]
    return f"{cores} cores ({models[0] if models else platform.machine()}{virtual}), Linux {release}, load average {others:.1f}"


class Table:
    """Medians, a row a measure and a column a server, and beside each the ratio to one of them, by rounds.

    `bases` says for a measure whom to compare with where it is not gdnsd, `None` where with nobody;
    `budgets` what is wanted of ours."""

    def __init__(self, names, base="gdnsd", bases=None, budgets=None):
        self.names = list(names)
        self.base = base
        self.bases = bases or {}
        self.budgets = budgets or {}
        self.rows = defaultdict(lambda: defaultdict(list))
        self.notes = []

    def add(self, measure, name, value):
        self.rows[measure][name].append(value)
        print(f"{name}: {measure}: {shown(value)}", file=sys.stderr)

    def latest(self, measure, name):
        return self.rows[measure][name][-1]

    def note(self, text):
        """A line below the table, once."""
        if text not in self.notes:
            self.notes.append(text)

    def print(self):
        budget = " budget |" if self.budgets else ""
        print("| measure |", " | ".join(self.names), f"|{budget}")
        print("|---|" + "---|" * (len(self.names) + bool(self.budgets)))
        for measure, values in self.rows.items():
            medians = {name: statistics.median(told) for name, told in values.items()}
            base = values.get(self.bases.get(measure, self.base))
            cells = []
            for name in self.names:
                cells.append(f"{shown(medians[name])}{to(values[name], base)}" if name in medians else "–")
            wanted = f" {self.budgets.get(measure, '')} |" if self.budgets else ""
            print(f"| {measure} |", " | ".join(cells), f"|{wanted}")
        others = sorted({base for base in self.bases.values() if base})
        told = "".join(f", or to {base} where the measure says so" for base in others)
        print(f"\nIn brackets the ratio to {self.base}{told}: of each round, and of these the median.")
        for note in self.notes:
            print(f"{note}.")
        print()


def to(values, base):
    """The ratio of each round, as a slow minute of the machine meets both of a round; of these the median. None to nothing."""
    if not base or not statistics.median(base):
        return ""
    if len(values) == len(base) and all(base):
        return f" ({statistics.median(value / other for value, other in zip(values, base)):.2f})"
    return f" ({statistics.median(values) / statistics.median(base):.2f})"


def shown(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.0f}" if value >= 10 else f"{value:.2f}"
