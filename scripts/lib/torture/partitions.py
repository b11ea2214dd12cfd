"""Cuts agents off from their coordinator, each in a network namespace of its own, while tasks of all kinds run under a lease of 10 s:

    two-way, agent to coordinator only, coordinator to agent only        for 1 s, 5 s, lease - 2 s, lease + 2 s, 2 leases
    10 % and 50 % of all packets, at random                              for 15 s

all at once, an agent each, beside two that stay connected; then checks that no two attempts of one task were alive together, that all
runs end as they must, that agents come back, that a cut of 1 s costs nothing, and that no result of a finished task is lost that its
agent could hand in before the task was given to another.

Without --all some of the cases. --rounds N repeats it. Wants root, ip, nsenter and nft: exit code 77 where that is not to be had.
"""
import os
import random
import shutil
import sys
import time
from typing import NamedTuple

from cluster import Cluster, build
from namespaces import Namespace, NotPossible, connect

from .figures import NOT_POSSIBLE, seed_of, verdict
from .load import Load
from .promises import Broken, check_records, check_run, late
from .witness import Witness

LEASE_SECONDS = 10
SECOND = 10**9
# When a cut begins, after the work has.
FIRST_SECONDS = (1.5, 5)
LOSS_SECONDS = 15
TASK_MILLISECONDS = (100, 3000)
# Tasks an agent, of which the long ones are under way when the cuts begin.
TASKS, LONG_TASKS, LONG_MILLISECONDS = 25, 2, 12_000
# By then an agent is back: a try at dialing takes at most 10 s, as does the wait for the next.
BACK_SECONDS = 25


class Case(NamedTuple):
    """`way`: both, out (what the agent says is not heard), in (what it is told); `percent` of the packets are lost."""
    way: str
    seconds: int
    percent: int = 100

    @property
    def name(self):
        return f"{self.way}-{self.seconds}s" + (f"-{self.percent}" if self.percent < 100 else "")


LENGTHS = (1, 5, LEASE_SECONDS - 2, LEASE_SECONDS + 2, 2 * LEASE_SECONDS)
ALL = [Case(way, seconds) for way in ("both", "out", "in") for seconds in LENGTHS] + [
    Case("both", LOSS_SECONDS, percent) for percent in (10, 50)]
SOME = [Case("both", 1), Case("both", 8), Case("both", 12), Case("out", 5), Case("out", 12), Case("in", 12), Case("in", 20),
        Case("both", LOSS_SECONDS, 50)]
STEADY = ("steady1", "steady2")


def flags(parser):
    parser.add_argument("--all", action="store_true", help="every case")
    parser.add_argument("--rounds", type=int, default=1, metavar="N")


def run(options):
    seed = seed_of(options)
    broken = Broken()
    # Where administrators' tools are; not all who may use them have it on their PATH.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    try:
        for tool in ("ip", "nsenter", "nft"):
            if not shutil.which(tool):
                raise NotPossible(f"there is no {tool}: install iproute2, util-linux and nftables")
        hub = Namespace()
        cases = {case.name: case for case in (ALL if options.all else SOME)}
        ends = {name: End(number, name, hub) for number, name in enumerate([*cases, *STEADY])}
        # Each way of cutting once, where nothing is lost by it.
        for case in cases.values():
            ends[case.name].cut(case)
            ends[case.name].mend()
    except NotPossible as reason:
        print(f"partitions: not possible here: {reason}", file=sys.stderr)
        return NOT_POSSIBLE
    with Cluster(build("debug" if options.debug else "release"), lease_seconds=LEASE_SECONDS, place=hub) as cluster:
        campaign = Campaign(cluster, cases, ends, random.Random(seed), broken)
        try:
            for _ in range(options.rounds):
                campaign.round()
        finally:
            campaign.mend()
        campaign.check()
    return verdict("partitions", broken, campaign.words, seed)


class End:
    """An agent's namespace and its cable to the coordinator's."""

    def __init__(self, number, name, hub):
        self.hub, self.near = hub, f"agent{number}"
        self.place = Namespace()
        self.address = f"10.77.{number}.1"
        connect(hub, self.near, self.address, self.place, "hub", f"10.77.{number}.2")

    def cut(self, case):
        """Packets are dropped where they arrive, so that whoever sends them learns nothing of it."""
        share = "" if case.percent == 100 else f"numgen random mod 100 < {case.percent} "
        for way, place, cable in (("out", self.hub, self.near), ("in", self.place, "hub")):
            if case.way in (way, "both"):
                place.run("nft", "-f", "-", text=f"""table inet {cable} {{
                    chain arriving {{ type filter hook input priority 0; iifname {cable} {share}drop; }}
                }}""")

    def mend(self):
        for place, cable in ((self.hub, self.near), (self.place, "hub")):
            # There or not: made first, so that the removal always holds.
            place.run("nft", "-f", "-", text=f"table inet {cable} {{ }}\ndelete table inet {cable}\n")


class Cut(NamedTuple):
    """`began`, `ended`: CLOCK_BOOTTIME, in nanoseconds."""
    case: Case
    began: int
    ended: int

    def explains(self, at):
        """Whether it may be why a result of that moment was not heard in time."""
        return self.began - SECOND <= at <= self.ended + BACK_SECONDS * SECOND


class Campaign:
    def __init__(self, cluster, cases, ends, dice, broken):
        self.cluster, self.cases, self.ends, self.dice, self.broken = cluster, cases, ends, dice, broken
        self.witness = Witness(cluster.work)
        cluster.ports["agents"] = "0.0.0.0:0"
        cluster.start_coordinator()
        port = cluster.ports["agents"].rsplit(":", 1)[1]
        for name, end in ends.items():
            cluster.start_agent(name, cores=3, place=end.place, dials=f"{end.address}:{port}")
        self.agents = {cluster.agent_id(name): name for name in ends}
        # agent's name → its cuts
        self.cuts = {name: [] for name in ends}
        self.loads, self.began = {}, time.monotonic()

    def round(self):
        count = len(self.ends)
        long = (LONG_TASKS * count, LONG_MILLISECONDS)
        load = Load(self.witness, f"partitions {len(self.loads)}", TASKS * count, TASK_MILLISECONDS, long)
        number = self.cluster.submit(load.document)
        self.loads[number] = load
        steps = []
        for name, case in self.cases.items():
            first = self.dice.uniform(*FIRST_SECONDS)
            steps += [(first, name, True), (first + case.seconds, name, False)]
        start, begun = time.monotonic(), {}
        for at, name, is_begin in sorted(steps):
            time.sleep(max(0, start + at - time.monotonic()))
            if is_begin:
                begun[name] = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
                self.ends[name].cut(self.cases[name])
            else:
                self.ends[name].mend()
                self.cuts[name].append(Cut(self.cases[name], begun[name], time.clock_gettime_ns(time.CLOCK_BOOTTIME)))
        self.cluster.wait(number, seconds=180, every=0.1)
        self.await_agents()

    def await_agents(self):
        end = time.monotonic() + BACK_SECONDS
        while True:
            away = [name for name, state in self.cluster.agent_states().items() if state != "ACTIVE"]
            if not away:
                return
            if time.monotonic() > end:
                return self.broken.say("an agent did not come back", f"{away}")
            time.sleep(0.1)

    def mend(self):
        for end in self.ends.values():
            end.mend()

    def check(self):
        took = time.monotonic() - self.began
        records = self.witness.read()
        check_records(records, self.broken)
        wholes = {run: self.cluster.get(f"/v1/dagrun/{run}?logs=full") for run in self.loads}
        for run, whole in wholes.items():
            check_run(self.loads[run], run, whole, records, self.broken, exact=False)
        attempts = [a for whole in wholes.values() for list_ in whole["taskAttempts"].values() for a in list_]
        lost = [a for a in attempts if a["state"] == "LOST"]
        self.check_losses(lost)
        unheard = late(wholes.values(), records)
        for record in unheard:
            self.check_unheard(record, records)
        tasks, cuts = sum(len(load.tasks) for load in self.loads.values()), sum(map(len, self.cuts.values()))
        self.words = (f"{tasks} tasks, {cuts} cuts of {len(self.cases)} kinds under a lease of {LEASE_SECONDS} s, {len(attempts)} "
                      f"attempts, {len(lost)} of them lost ({len(unheard)} had finished), {took:.1f} s")

    def check_losses(self, lost):
        for name, cuts in self.cuts.items():
            own = [a for a in lost if a["agent"] == name]
            longest = max((cut.case.seconds for cut in cuts if cut.case.percent == 100), default=0)
            if own and (not cuts or longest == 1):
                self.broken.say("an attempt was lost where nothing was cut for longer than 1 s", f"{name}: {own[0]}")
            if not own and longest > LEASE_SECONDS:
                self.broken.say("an agent was cut off past its lease, and nothing of it was lost: nothing was tried", name)

    def check_unheard(self, record, records):
        """A result that was not taken: its agent was cut off, and another attempt had been begun when it was back."""
        name = self.agents[record.agent]
        cut = next((cut for cut in self.cuts[name] if cut.explains(record.at)), None)
        if cut is None:
            return self.broken.say("a result is lost whose agent could hand it in", f"{name}: {record}")
        others = [r.at for r in records if (r.what, r.run, r.task) == ("start", record.run, record.task) and r.fence > record.fence]
        if not others or min(others) > cut.ended + BACK_SECONDS * SECOND:
            self.broken.say("a result is lost although nobody else had begun", f"{name}: {record}, others began at {others}")
