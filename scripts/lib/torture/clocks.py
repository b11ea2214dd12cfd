"""Sets wall clocks wrong by an hour (libfaketime, in single programs; this machine's own is left alone) while tasks of all kinds run:

    agents       one true, one an hour ahead, one an hour behind, one whose clock jumps by hours again and again
    coordinator  a clock that jumps likewise, and is an hour behind after a restart where it was an hour ahead before

for longer than a lease of 10 s, and checks that nothing comes of it: no lease ends, no agent is doubted, no attempt is made again, no
time limit strikes, retries come when they are due, and the times that are shown never go back.

Exit code 77 where there is no libfaketime (Debian: libfaketime).
"""
import random
import signal
import sys
import time

from cluster import Cluster, build

from .falseclock import LIBRARIES, FalseClock, library, shared
from .figures import NOT_POSSIBLE, seed_of, verdict
from .load import Load
from .promises import Broken, check_records, check_run
from .witness import Witness

LEASE_SECONDS = 10
HOUR = 3600
# Between two jumps.
JUMP_SECONDS = (0.3, 2)
# Before the restart and after it: each longer than what makes an agent LOST.
PHASE_SECONDS = 11.5
TASK_MILLISECONDS = (50, 1000)
TASKS = 50
# What the load's retries wait for, and how much later they may be.
RETRY_SECONDS, LATE_SECONDS = 1, 5


def flags(parser):
    parser.add_argument("--rounds", type=int, default=1, metavar="N")


def run(options):
    if library() is None:
        print(f"clocks: there is no {LIBRARIES}: install libfaketime (scripts/install-dependencies --test)", file=sys.stderr)
        return NOT_POSSIBLE
    seed = seed_of(options)
    dice = random.Random(seed)
    broken = Broken()
    with Cluster(build("debug" if options.debug else "release"), lease_seconds=LEASE_SECONDS) as cluster, shared() as name:
        campaign = Campaign(cluster, name, dice, broken)
        for _ in range(options.rounds):
            campaign.round()
        campaign.check()
    return verdict("clocks", broken, campaign.words, seed)


class Campaign:
    def __init__(self, cluster, shared_name, dice, broken):
        self.cluster, self.dice, self.broken = cluster, dice, broken
        self.witness = Witness(cluster.work)
        offs = {"own": HOUR, "true": 0, "ahead": HOUR, "behind": -HOUR, "jumps": 0}
        self.clocks = {name: FalseClock(cluster.folder / f"clock-{name}", shared_name, off) for name, off in offs.items()}
        self.own = self.clocks.pop("own")
        self.own.check()
        cluster.start_coordinator(self.own.environment)
        for name, each in self.clocks.items():
            cluster.start_agent(name, cores=4, environment=each.environment)
        self.loads, self.doubts, self.began = {}, set(), time.monotonic()

    def round(self):
        self.go_on(PHASE_SECONDS, [self.own, self.clocks["jumps"]])
        # What began an hour ahead ends an hour behind.
        self.own.set(HOUR)
        self.submit()
        time.sleep(JUMP_SECONDS[1])
        self.cluster.end_coordinator(signal.SIGTERM)
        self.own.set(-HOUR)
        self.cluster.start_coordinator(self.own.environment)
        self.await_agents()
        self.go_on(PHASE_SECONDS, [self.clocks["jumps"]])

    def submit(self):
        load = Load(self.witness, f"clocks {len(self.loads)}", TASKS, TASK_MILLISECONDS)
        self.loads[self.cluster.submit(load.document)] = load

    def go_on(self, seconds, jumping):
        """Work, and jumps of these clocks, for so long."""
        end = time.monotonic() + seconds
        self.submit()
        while time.monotonic() < end:
            time.sleep(self.dice.uniform(*JUMP_SECONDS))
            for clock in jumping:
                clock.set(self.dice.choice([-HOUR, 0, HOUR]))
            self.doubts |= {f"{name} is {state}" for name, state in self.cluster.agent_states().items() if state != "ACTIVE"}

    def await_agents(self):
        """An agent that was known before a restart is SUSPECT until it is back."""
        end = time.monotonic() + LEASE_SECONDS
        while any(state != "ACTIVE" for state in self.cluster.agent_states().values()) and time.monotonic() < end:
            time.sleep(0.05)

    def check(self):
        for run in self.loads:
            self.cluster.wait(run, seconds=120, every=0.05)
        took = time.monotonic() - self.began
        records = self.witness.read()
        check_records(records, self.broken)
        attempts, off = [], set()
        for run, load in self.loads.items():
            whole = self.cluster.get(f"/v1/dagrun/{run}?logs=full")
            check_run(load, run, whole, records, self.broken, exact=True)
            self.check_retries(run, records)
            attempts += [a for list_ in whole["taskAttempts"].values() for a in list_]
            off |= {round((int(change["time"]) / 10**9 - time.time()) / HOUR) for change in whole["dagStateChanges"]}
        for doubt in sorted(self.doubts):
            self.broken.say("an agent was doubted", doubt)
        for item in self.cluster.get("/v1/dagruns?all=1"):
            if int(item["lastUpdate"]) < int(item["startTime"]):
                self.broken.say("a run's last change is shown before its first", f"{item}")
        # A campaign that faked nothing would find nothing.
        off |= {round((int(a["startTime"]) / 10**9 - time.time()) / HOUR) for a in attempts}
        if 1 not in off:
            self.broken.say("no time that is shown is off: libfaketime did nothing", f"{off}")
        jumps = self.own.jumps + self.clocks["jumps"].jumps
        tasks = sum(len(load.tasks) for load in self.loads.values())
        self.words = (f"{tasks} tasks in {len(self.loads)} runs, {jumps} jumps of up to two hours, {len(attempts)} attempts of "
                      f"{sum(load.attempts for load in self.loads.values())} asked for, {len(self.doubts)} agents doubted, {took:.1f} s")

    def check_retries(self, run, records):
        """The load's family `later` waits before it tries again."""
        ends = {(r.task, r.attempt): r.at for r in records if r.run == run and r.task.startswith("later_") and r.what == "end"}
        for r in records:
            if r.run == run and r.what == "start" and (r.task, r.attempt - 1) in ends:
                waited = (r.at - ends[r.task, r.attempt - 1]) / 10**9
                if not RETRY_SECONDS <= waited < RETRY_SECONDS + LATE_SECONDS:
                    self.broken.say("a retry did not come when it was due", f"run {run}, {r.task} after {waited:.1f} s")
