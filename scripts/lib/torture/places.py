"""Failpoints as the sources have them, and what processes wrote of their visits."""
import collections
import re
from typing import NamedTuple

from cluster import ROOT

SOURCES = ROOT / "Sources"
NAMES = SOURCES / "System" / "Failpoints" / "Failpoint.swift"
BOTH = {"coordinator", "agent"}
# What is in one program only, by the beginning of its path.
PROGRAMS = {"Coordinator/": {"coordinator"}, "Agent/": {"agent"}, "Transport/Listener.swift": {"coordinator"}}


class Place(NamedTuple):
    name: str
    # "coordinator", "agent", or both.
    programs: frozenset
    # Something may be refused there.
    can_fail: bool


def places():
    """-> name: Place, in the order of the names' file. A name without a call is in no program."""
    names = dict(re.findall(r'case (\w+) = "([a-z-]+)"', NAMES.read_text()))
    programs, failing = collections.defaultdict(set), set()
    for file in SOURCES.rglob("*.swift"):
        if file == NAMES:
            continue
        path = str(file.relative_to(SOURCES))
        users = next((users for start, users in PROGRAMS.items() if path.startswith(start)), BOTH)
        for case, call in re.findall(r"Failpoint\.(\w+)\.(pass\(\)|pass\(or|fails\(\))", file.read_text()):
            programs[case] |= users
            if call != "pass()":
                failing.add(case)
    return {name: Place(name, frozenset(programs[case]), case in failing) for case, name in names.items()}


class Trace:
    """What one process wrote of its visits; reads on from where it was."""

    def __init__(self, path, program):
        self.path, self.program = path, program
        # Visits by place, and what was done there by (place, action).
        self.visits, self.done = collections.Counter(), collections.Counter()
        self._read = 0

    def read(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self._read)
                new = file.read()
        except FileNotFoundError:
            return self
        whole = new[:new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode().splitlines():
            name, _, action = line.partition(" ")
            self.visits[name] += 1
            if action:
                self.done[name, action] += 1
        return self


class Traces:
    """Those of all processes of a campaign."""

    def __init__(self, folder, seed):
        self.folder, self.seed = folder, seed
        self.all = []

    def environment(self, program, rules=""):
        """-> what a process is to be started with, and its trace"""
        trace = Trace(self.folder / f"{program}.{len(self.all)}", program)
        self.all.append(trace)
        return {"CARAVAN_FAILPOINT": rules, "CARAVAN_FAILPOINT_SEED": str(self.seed + len(self.all)),
                "CARAVAN_FAILPOINT_TRACE": str(trace.path)}, trace

    def totals(self):
        """-> visits by place, what was done by (place, action)"""
        visits, done = collections.Counter(), collections.Counter()
        for trace in self.all:
            trace.read()
            visits.update(trace.visits)
            done.update(trace.done)
        return visits, done

    def usual(self, program):
        """-> place: its most visits in one process of that program"""
        most = collections.Counter()
        for trace in self.all:
            if trace.program == program:
                for name, count in trace.read().visits.items():
                    most[name] = max(most[name], count)
        return most
