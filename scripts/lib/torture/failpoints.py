"""Visits every failpoint (Sources/System/Failpoints/Failpoint.swift) of the real programs under load: each place ends its program once
with SIGKILL, is refused once what it asks for where that can be, and is held up now and then. What ended is started again, as systemd
would. Then checks that all runs end as they must: no attempt started twice or accepted twice, no two of a task alive together, each log
whole, all that was answered there.

Says of each place how often it was visited and what was done there. A place that is never visited is a fault, too.

--only NAME   only that place (all the others are traced)
--rounds N    all of it N times (1), each by other dice. The long form:  scripts/torture failpoints --rounds 20
"""
import collections
import contextlib
import http.client
import pathlib
import random
import signal
import tempfile
import time

from cluster import FINAL, Cluster, build

from .figures import seed_of, verdict
from .keeper import STORAGE_FAILED, TRIES, Job, Keeper, jobs
from .places import Traces, places
from .promises import Broken, check_records, check_run
from .traffic import Doomed, Traffic
from .witness import Witness

AGENTS = ("anna", "bert")
CORES = 2
MEMORY_MB = 4000
# In the first part every place is held up at one visit in so many, by the dice.
DELAY = "delay:10ms%20"
# Seconds of it, on top of what its starts and stops take.
HELD_UP_SECONDS = 1.5
# Between two agents whose program is replaced (by itself) while they work.
TAKEOVER_SECONDS = 0.5
# Starts and stops of everything in it.
LIVES = 4
# Places that a program visits only where it makes a new data directory.
FIRST = ("token-make-", "schema-", "identity-make-")
# Those that it visits with other files then.
ALSO_FIRST = ("file-",)
FIRST_FILES = 3
# Tasks that an agent lists in more than one piece.
CROWD = 230
# Places that have a part of their own.
APART = ("list-piece-send-before", "logs-prune-before", "logs-prune-after", "state-checkpoint-before", "state-checkpoint-after")
# Tasks of a document, a few of which fill a log so that it is moved into the database.
LONG_DOCUMENT = 10_000
# What a run prints whose logs are to be removed: more than is kept.
PRUNED_BYTES, KEPT_MB = 1_500_000, 1
# What is done when all is over.
END_SECONDS = 120
TICK = 0.004
# Sentences of attempts that were refused something, and what ended them.
NO_PROCESS, OUTPUT_LOST = "cannot make a process", "output was lost"


def flags(parser):
    parser.add_argument("--only", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=1, metavar="N")


def run(options):
    seed = seed_of(options)
    known = places()
    if options.only and options.only not in known:
        raise SystemExit(f"no failpoint is named {options.only}")
    programs = build("debug" if options.debug else "release", "FAILPOINTS")
    broken, began = Broken(), time.monotonic()
    wanted = [place for place in known.values() if options.only in (None, place.name)]
    with tempfile.TemporaryDirectory(prefix="caravan-traces-") as folder:
        totals = collections.Counter()
        traces = Traces(pathlib.Path(folder), seed)
        for number in range(options.rounds):
            campaign = Campaign(programs, traces, wanted, broken, random.Random(seed + number))
            campaign.first_starts()
            campaign.crowd()
            campaign.checkpoints()
            campaign.pruning()
            campaign.traffic()
            totals.update(campaign.figures)
        visits, done = traces.totals()
    tell(wanted, visits, done, broken)
    actions = collections.Counter()
    for (_, action), count in done.items():
        actions[action] += count
    words = (f"{len(wanted)} places, {sum(visits[p.name] > 0 for p in wanted)} visited ({sum(visits.values())} visits), "
             f"{actions['kill']} kills, {actions['fail']} failures, {actions['delay']} delays, "
             f"{totals['runs']} runs with {totals['tasks']} tasks and {totals['attempts']} attempts ({totals['lost']} lost), "
             f"{time.monotonic() - began:.1f} s")
    return verdict("failpoints", broken, words, seed)


def tell(wanted, visits, done, broken):
    for place in wanted:
        kills, fails, delays = (done[place.name, action] for action in ("kill", "fail", "delay"))
        if not place.programs:
            broken.say("a failpoint stands nowhere", place.name)
        elif not visits[place.name]:
            broken.say("a failpoint was never visited", place.name)
        elif not kills or (place.can_fail and not fails):
            broken.say("a failpoint was not tried", f"{place.name}: {kills} kills, {fails} failures")
        print(f"{place.name:28} visited {visits[place.name]:6} times, killed {kills}, "
              + (f"failed {fails}, " if place.can_fail else "") + f"held up {delays}")


class Campaign:
    def __init__(self, programs, traces, wanted, broken, dice):
        self.programs, self.traces, self.wanted, self.broken, self.dice = programs, traces, wanted, broken, dice
        self.figures = collections.Counter()

    # First starts

    def first_starts(self):
        """Programs die while they make their data directory, or cannot make it, and are started again."""
        for action in ("kill", "fail"):
            left = {program: self._first_jobs(program, action) for program in ("coordinator", "agent")}
            # What a directory has no chance to visit in its turn, the next one visits.
            before = None
            while left != before and any(left.values()):
                before = {program: list(jobs) for program, jobs in left.items()}
                self._first_start(left)

    def _first_jobs(self, program, action):
        own = [p for p in self.wanted if program in p.programs and (action != "fail" or p.can_fail)]
        return ([Job(p.name, action) for p in own if p.name.startswith(FIRST)]
                + [Job(p.name, action, 1 + number) for number in range(FIRST_FILES) for p in own if p.name.startswith(ALSO_FIRST)])

    def _first_start(self, left):
        with Cluster(self.programs) as cluster:
            self._chain(left["coordinator"], "coordinator", lambda rules: self._coordinator(cluster, rules), cluster.serves)
            if not cluster.serves():
                cluster.start_coordinator()
            self._chain(left["agent"], "agent", lambda rules: self._agent(cluster, "anna", rules),
                        lambda: cluster.agent_states().get("anna") == "ACTIVE")
            if cluster.agents.get("anna") is None or cluster.agents["anna"].poll() is not None:
                cluster.start_agent("anna", CORES, MEMORY_MB)
            state = cluster.wait(cluster.submit({"tasks": {"a": {"job": {"command": ["/bin/true"]}}}}), seconds=60)
            if state != "COMPLETED":
                self.broken.say("a cluster does not work after its first starts", state)

    def _chain(self, left, program, start, is_up):
        for job in list(left):
            process, trace = start(job.rule)
            patience = time.monotonic() + 60
            while process.poll() is None and not is_up() and time.monotonic() < patience:
                time.sleep(TICK)
            if trace.read().done[job.place, job.action]:
                left.remove(job)
                code = process.wait(60) if job.action == "kill" else process.poll()
                if code != (-signal.SIGKILL if job.action == "kill" else STORAGE_FAILED):
                    self.broken.say("a program ended as it must not", f"{program} at its first start, exit code {code}, {job.rule}")
            elif process.poll() is not None:
                self.broken.say("a program ended by itself", f"{program} at its first start, exit code {process.poll()}, {job.rule}")
            if process.poll() is None:
                process.kill()
            process.wait()

    def _coordinator(self, cluster, rules):
        environment, trace = self.traces.environment("coordinator", rules)
        cluster.launch_coordinator(environment)
        return cluster.coordinator, trace

    def _agent(self, cluster, name, rules):
        environment, trace = self.traces.environment("agent", rules)
        cluster.launch_agent(name, CORES, MEMORY_MB, environment)
        return cluster.agents[name], trace

    # A crowd

    def crowd(self):
        """An agent holds more than it lists in one piece, and its coordinator, then itself, dies over it."""
        rules = [job.rule for job in map(lambda p: Job(p.name, "kill"), self.wanted) if job.place == "list-piece-send-before"]
        with Cluster(self.programs) as cluster:
            witness = Witness(cluster.work)
            self._coordinator(cluster, "")
            while not cluster.serves():
                time.sleep(TICK)
            agent, trace = self._agent(cluster, "anna", ";".join(rules))
            job = {**witness.job("--ms", 2000, 2000, "{{N}}"), "cores": 0.005}
            names = [str(number) for number in range(CROWD)]
            run = cluster.submit({"parameters": {"N": names}, "tasks": {"crowd": {"job": job}}})
            while witness.starts() < CROWD:
                time.sleep(TICK)
            cluster.end_coordinator()
            self._coordinator(cluster, "")
            if rules:
                agent.wait(60)
                self._agent(cluster, "anna", "")
            while not cluster.serves():
                time.sleep(TICK)
            state = cluster.wait(run, seconds=120)
            if state != "COMPLETED":
                self.broken.say("a crowd did not end", state)
            check_records(witness.read(), self.broken)

    # A full log

    def checkpoints(self):
        """So much is submitted that the log is moved into the database, and the coordinator dies over it. (Each start begins a log
        anew, and under load a life is too short for one to fill.)"""
        left = [Job(p.name, action) for p in self.wanted if p.name.startswith("state-checkpoint-")
                for action in ("kill", "fail") if action != "fail" or p.can_fail]
        document = {"tasks": {f"t{number}": {"job": {"command": ["/bin/true", "x" * 80]}} for number in range(LONG_DOCUMENT)}}
        with Cluster(self.programs) as cluster:
            answered = []
            for job in left:
                coordinator, trace = self._coordinator(cluster, job.rule)
                patience = time.monotonic() + END_SECONDS
                while not trace.read().done[job.place, job.action] and time.monotonic() < patience:
                    with contextlib.suppress(OSError, http.client.HTTPException):
                        if cluster.serves():
                            answered.append(cluster.submit(document))
                code = coordinator.wait(60)
                if code != (-signal.SIGKILL if job.action == "kill" else STORAGE_FAILED):
                    self.broken.say("a program ended as it must not", f"the coordinator, exit code {code}, {job.rule}")
            if left:
                self._coordinator(cluster, "")
                while not cluster.serves():
                    time.sleep(TICK)
                known = {run_["runID"] for run_ in cluster.get("/v1/dagruns?all=1")}
                for run_ in answered:
                    if run_ not in known:
                        self.broken.say("a run that was answered is not there", f"run {run_}")

    # Logs are removed

    def pruning(self):
        """More logs are kept than may be, and the coordinator dies while it removes them, or is refused that."""
        left = [Job(p.name, action) for p in self.wanted if p.name.startswith("logs-prune-")
                for action in ("kill", "fail") if action != "fail" or p.can_fail]
        if not left:
            return
        with Cluster(self.programs) as cluster:
            cluster.start_coordinator()
            cluster.start_agent("anna", CORES, MEMORY_MB)
            job = {"command": ["/bin/sh", "-c", f"head -c {PRUNED_BYTES} /dev/zero | tr '\\0' x"]}
            # Each start removes one of them at least.
            runs = [cluster.submit({"tasks": {"a": {"job": job}}}) for _ in range(2 * len(left))]
            kept = cluster.submit({"tasks": {"a": {"job": {"command": ["/bin/echo", "kept"]}}}})
            for run_ in [*runs, kept]:
                cluster.wait(run_, seconds=60)
            cluster.flags = ["--keep-logs-mb", KEPT_MB]
            cluster.end_coordinator()
            for job in left:
                coordinator, trace = self._coordinator(cluster, job.rule)
                patience = time.monotonic() + END_SECONDS
                while not trace.read().done[job.place, job.action] and time.monotonic() < patience:
                    time.sleep(TICK)
                # Room for less is no fault; what was committed and is said to have failed is.
                if job.action == "kill" or job.place.endswith("-after"):
                    code = coordinator.wait(60)
                    if code != (-signal.SIGKILL if job.action == "kill" else STORAGE_FAILED):
                        self.broken.say("a program ended as it must not", f"the coordinator, exit code {code}, {job.rule}")
                else:
                    cluster.end_coordinator()
            self._coordinator(cluster, "")
            while not cluster.serves():
                time.sleep(TICK)
            self._check_pruned(cluster, runs, kept)

    def _check_pruned(self, cluster, runs, kept):
        patience = time.monotonic() + END_SECONDS
        while any(cluster.call("GET", f"/v1/dagrun/{run_}/task/a/log")[0] != 410 for run_ in runs) and time.monotonic() < patience:
            time.sleep(0.05)
        for run_ in runs:
            status = cluster.call("GET", f"/v1/dagrun/{run_}/task/a/log")[0]
            attempt = cluster.get(f"/v1/dagrun/{run_}")["taskAttempts"]["a"][0]
            if status != 410 or not attempt.get("outputLogPruned") or attempt["outputBytes"] != PRUNED_BYTES or attempt["outputLog"]:
                self.broken.say("a log that is gone is not told so", f"run {run_}: {status} {str(attempt)[:300]}")
        answer = cluster.call("GET", f"/v1/dagrun/{kept}/task/a/log")
        if answer != (200, b"kept\n"):
            self.broken.say("a log was removed that there was room for", str(answer))

    # Under load

    def traffic(self):
        with Cluster(self.programs) as cluster:
            self.cluster, self.witness = cluster, Witness(cluster.work)
            self.traffic_ = Traffic(cluster, self.witness, self.broken, self.dice)
            self.takeover = time.monotonic() + TAKEOVER_SECONDS
            self.keepers = [self._keeper("coordinator", self._launch_coordinator)]
            self.keepers[0].start("")
            while not cluster.serves():
                time.sleep(TICK)
            self.keepers += [self._keeper(f"agent {name}", lambda environment, name=name: self._launch_agent(name, environment))
                             for name in AGENTS]
            for keeper in self.keepers[1:]:
                keeper.start("")
            self.traffic_.is_open = True
            self.hold_up()
            for action in ("kill", "fail"):
                self.do(action)
            self.end()

    def _keeper(self, name, launch):
        return Keeper(name, launch, self.traces, self.broken, self.dice)

    def _launch_coordinator(self, environment):
        self.cluster.launch_coordinator(environment)
        self.traffic_.is_serving = False
        return self.cluster.coordinator

    def _launch_agent(self, name, environment):
        self.cluster.launch_agent(name, CORES, MEMORY_MB, environment)
        return self.cluster.agents[name]

    def tick(self):
        for keeper in self.keepers:
            keeper.tick()
        if time.monotonic() > self.takeover:
            self.takeover = time.monotonic() + TAKEOVER_SECONDS
            self.dice.choice(self.keepers[1:]).hang_up()
        self.traffic_.tick()
        time.sleep(TICK)

    def hold_up(self):
        """Everything is held up now and then, and stopped and killed at a few moments."""
        rules = ";".join(f"{place.name}={DELAY}" for place in self.wanted)
        for number in range(LIVES):
            for keeper in self.keepers:
                keeper.rest = rules
                keeper.tell(signal.SIGTERM if number % 2 else signal.SIGKILL)
            end = time.monotonic() + HELD_UP_SECONDS
            while time.monotonic() < end or any(keeper.told for keeper in self.keepers):
                self.tick()
        for keeper in self.keepers:
            keeper.rest = ""

    def do(self, action):
        """One place after the other, of all programs at the same time."""
        coordinator, agents = self.keepers[0], self.keepers[1:]
        places_ = [p for p in self.wanted if not p.name.startswith(FIRST) and p.name not in APART]
        coordinator.jobs.extend(jobs(places_, "coordinator", action, self.traces.usual("coordinator"), self.dice))
        for number, job in enumerate(jobs(places_, "agent", action, self.traces.usual("agent"), self.dice)):
            agents[number % len(agents)].jobs.append(job)
        for keeper in self.keepers:
            keeper.is_restless = True
        while not all(keeper.is_done for keeper in self.keepers):
            self.tick()
        for keeper in self.keepers:
            keeper.is_restless = False

    def end(self):
        """Nothing is done any more: all runs end."""
        self.traffic_.is_open = False
        again = collections.Counter()
        patience = time.monotonic() + END_SECONDS
        while not self.traffic_.is_idle and time.monotonic() < patience:
            self.tick()
        for number, run in self.traffic_.open.items():
            whole = self.cluster.get(f"/v1/dagrun/{number}?logs=none")
            left = {name: (state, [(a["attempt"], a["state"], a["agent"], a["executorLog"]) for a in whole["taskAttempts"].get(name, [])])
                    for name, state in whole["taskStates"].items() if state not in FINAL}
            agents = [(a["name"], a["state"], a["connected"], a["running"], a["waiting"]) for a in self.cluster.get("/v1/agents")]
            self.broken.say("a run does not end", f"run {number}, {run.document['tag']}, {whole['state']}: {agents} {left}")
        self.run_again()
        self.check()
        for keeper in reversed(self.keepers):
            keeper.process.terminate()
            keeper.process.wait(60)
        for pid in (path.name for path in pathlib.Path("/proc").iterdir() if path.name.isdecimal()):
            with contextlib.suppress(OSError):
                if bytes(self.cluster.folder) in pathlib.Path("/proc", pid, "cmdline").read_bytes():
                    self.broken.say("a process outlives its agent", pid)

    def run_again(self):
        """Runs whose tasks were refused something, or were running at so many deaths that they were taken for their cause."""
        for number, run in self.traffic_.ended.items():
            for _ in range(TRIES):
                whole = self.cluster.get(f"/v1/dagrun/{number}?logs=none")
                if isinstance(run, Doomed) or whole["state"] == run.state or whole["state"] not in FINAL:
                    break
                for name, state in whole["taskStates"].items():
                    if state == "ERRORED" and not is_excused(whole["taskAttempts"][name]):
                        self.broken.say("a task failed that must not", f"run {number}, {name}: {whole['taskAttempts'][name]}")
                self.cluster.call("PATCH", f"/v1/dagrun/{number}/state/QUEUED")
                self.figures["again"] += 1
                self.cluster.wait(number, seconds=60)

    def check(self):
        records = self.witness.read()
        check_records(records, self.broken)
        for number, run in self.traffic_.ended.items():
            whole = self.cluster.get(f"/v1/dagrun/{number}?logs=full")
            self.figures["runs"] += 1
            for name, attempts in whole["taskAttempts"].items():
                self.figures["tasks"] += 1
                self.figures["attempts"] += len(attempts)
                self.figures["lost"] += sum(a["state"] == "LOST" for a in attempts)
                excuse(attempts, run.tasks[name].output if not isinstance(run, Doomed) else "")
            if not isinstance(run, Doomed):
                check_run(run, number, whole, records, self.broken, exact=False)


def is_excused(attempts):
    """Whether a task may be ERRORED: its process could not be made, its output was lost, or its agent died three times."""
    lost = sum(a["state"] == "LOST" for a in attempts)
    return lost >= 3 or any(NO_PROCESS in a["executorLog"] or OUTPUT_LOST in a["executorLog"]
                            or "cannot be read" in a["executorLog"] for a in attempts)


def excuse(attempts, output):
    """What was refused and said is not held against an attempt: as if it had been lost, or had not printed less."""
    for attempt in attempts:
        if NO_PROCESS in attempt["executorLog"]:
            attempt["state"] = "LOST"
        if OUTPUT_LOST in attempt["executorLog"]:
            attempt["outputLog"] = output
