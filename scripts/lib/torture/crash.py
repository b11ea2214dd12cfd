"""Kills the coordinator N times (6), half of the times with SIGKILL and half with SIGTERM, at random moments while A agents (2) work
through about M tasks (3000) of all kinds, starts it again each time, and checks that its death meant nothing to any task: all are in
the state that they must be in, no attempt was started twice, none had to be made again, no two of a task were alive together, each
log is whole, what was answered with 200 is there, and the tasks' own records are what the coordinator tells.

The long form:  scripts/torture crash --kills 200 --tasks 10000
"""
import collections
import http.client
import random
import signal
import threading
import time

from cluster import Cluster, Refused, build

from .figures import milliseconds, percentile, seed_of, verdict
from .load import Load
from .promises import Broken, check_records, check_run
from .witness import Witness

# Tasks of a run, about: so that there are several, and some are handed in while the coordinator dies.
RUN_TASKS = 500
# How long a task takes.
TASK_MILLISECONDS = (0, 15)
# The next kill comes also where nothing starts for so long.
GAP_SECONDS = 1.5
# Of the kills, so many hit a coordinator that does not serve yet.
WHILE_STARTING = 0.1
# Being back, at the 99th percentile.
BACK_SECONDS = 2


def flags(parser):
    parser.add_argument("--kills", type=int, default=6, metavar="N")
    parser.add_argument("--tasks", type=int, default=3000, metavar="M")
    parser.add_argument("--agents", type=int, default=2, metavar="A")


def run(options):
    seed = seed_of(options)
    broken = Broken()
    with Cluster(build("debug" if options.debug else "release")) as cluster:
        campaign = Campaign(cluster, options, random.Random(seed), broken)
        campaign.begin()
        for _ in range(options.kills):
            campaign.kill()
        campaign.end()
    if percentile(campaign.back, 99) > BACK_SECONDS:
        broken.say(f"the coordinator was not back within {BACK_SECONDS} s at the 99th percentile")
    return verdict("crash", broken, campaign.words, seed)


class Campaign:
    def __init__(self, cluster, options, dice, broken):
        self.cluster, self.options, self.dice, self.broken = cluster, options, dice, broken
        self.witness = Witness(cluster.work)
        count = max(1, round(options.tasks / RUN_TASKS))
        self.loads = [Load(self.witness, f"crash {i}", options.tasks // count, TASK_MILLISECONDS) for i in range(count)]
        # The second of them fails for good in part.
        self.loads[min(1, count - 1)].doom(4)
        self.attempts = sum(load.attempts for load in self.loads)
        self.waiting = list(self.loads)
        # The kills at which each of the runs but the first is handed in.
        self.due = collections.Counter(i * options.kills // count for i in range(1, count))
        self.runs, self.back, self.ends, self.killed = {}, [], collections.Counter(), 0

    def begin(self):
        self.cluster.start_coordinator()
        for agent in range(self.options.agents):
            self.cluster.start_agent(f"agent{agent}", cores=2)
        self.began = time.monotonic()
        self.submit()

    def submit(self):
        """One run. Where the coordinator dies before it answers, the run is there afterwards, or it is not."""
        load = self.waiting.pop(0)
        try:
            self.runs[self.cluster.submit(load.document)] = load
        except (OSError, http.client.HTTPException):
            self.waiting.append(load)
        except Refused as refusal:
            self.waiting.append(load)
            if refusal.status != 503:
                self.broken.say("a run was not accepted", f"{refusal}")

    def kill(self):
        self.wait()
        handing_in = []
        for _ in range(self.due[self.killed]):
            handing_in.append(threading.Thread(target=self.submit))
            handing_in[-1].start()
        time.sleep(self.dice.random() * 0.03)
        by = self.dice.choice([signal.SIGKILL, signal.SIGTERM])
        code = self.cluster.end_coordinator(by)
        self.ends[by.name] += 1
        self.killed += 1
        if by == signal.SIGTERM and code != 0:
            self.broken.say("the coordinator did not end well at SIGTERM", f"exit code {code}")
        for thread in handing_in:
            thread.join()
        if self.dice.random() < WHILE_STARTING:
            self.cluster.launch_coordinator()
            time.sleep(self.dice.random() * 0.05)
            self.cluster.end_coordinator()
            self.ends["while starting"] += 1
        self.back.append(self.cluster.start_coordinator())
        if handing_in:
            self.find()

    def wait(self):
        """Until about as many attempts have begun as are due between two kills."""
        enough = self.witness.starts() + self.dice.random() * 2 * self.attempts / (self.options.kills + 1)
        patience = time.monotonic() + GAP_SECONDS
        while self.witness.starts() < enough and time.monotonic() < patience:
            time.sleep(0.002)

    def find(self):
        """Runs that got no answer and are there all the same."""
        known = {item["tag"]: item["runID"] for item in self.cluster.get("/v1/dagruns?all=1")}
        for load in list(self.waiting):
            if load.document["tag"] in known:
                self.waiting.remove(load)
                self.runs[known[load.document["tag"]]] = load

    def end(self):
        while self.waiting:
            self.submit()
        for number in self.runs:
            self.cluster.wait(number, seconds=900, every=0.05)
        took = time.monotonic() - self.began
        records = self.witness.read()
        check_records(records, self.broken)
        states, told = collections.Counter(), 0
        for number, load in self.runs.items():
            whole = self.cluster.get(f"/v1/dagrun/{number}?logs=full")
            check_run(load, number, whole, records, self.broken, exact=True)
            states.update(whole["taskStates"].values())
            told += sum(map(len, whole["taskAttempts"].values()))
        deaths = ", ".join(f"{times} {how}" for how, times in sorted(self.ends.items()))
        self.words = (
            f"{sum(states.values())} tasks in {len(self.runs)} runs ({', '.join(f'{n} {s}' for s, n in sorted(states.items()))}), "
            f"deaths {deaths}, {told} attempts of {self.attempts} asked for, {took:.1f} s, serving again after "
            f"{milliseconds(percentile(self.back, 50))} (p50), {milliseconds(percentile(self.back, 99))} (p99), "
            f"{milliseconds(max(self.back))} (max)")
