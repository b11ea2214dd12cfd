"""What people do while programs die: runs of all kinds are handed in, paused, killed and run again. Nothing here waits."""
import http.client
import time

from cluster import FINAL, Refused

from .load import Expected, Load
from .witness import printed

# Open at a time, of each kind.
LOADS, LOUD, DOOMED = 2, 1, 1
LOAD_TASKS = 24
TASK_MILLISECONDS = (0, 15)
LOUD_TASKS, LOUD_BYTES = 6, 3_000_000
# Between two looks, in seconds.
PACE = 0.04
# At one look in so many, a run that has ended is run again.
AGAIN = 1 / 20
# And one that has not is paused, once.
PAUSED = 1 / 20
# It stays so for so long.
PAUSE = 0.15


class Loud:
    """A run that prints more than an agent holds in memory."""
    state, edges = "COMPLETED", []

    def __init__(self, witness, tag):
        names = [f"loud{number}" for number in range(LOUD_TASKS)]
        job = witness.job("--print", LOUD_BYTES)
        self.document = {"tag": tag, "tasks": {name: {"job": job} for name in names}}
        self.tasks = {name: Expected("COMPLETED", 1, printed(name, LOUD_BYTES)) for name in names}


class Doomed:
    """A run to be killed: what runs of it goes at SIGTERM or only by SIGKILL, and more waits behind."""

    def __init__(self, witness, tag):
        polite, stubborn = witness.job("--ms", 60_000, 60_000), witness.job("--ms", 60_000, 60_000, "--stubborn")
        short = witness.job("{{N}}")
        for job, cores in ((polite, 0.2), (stubborn, 0.2), (short, 0.5)):
            job["cores"] = cores
        self.document = {"tag": tag, "parameters": {"N": [str(number) for number in range(60)]}, "tasks": {
            "polite": {"job": polite}, "stubborn": {"job": {**stubborn, "killGraceSeconds": 0}},
            "patient": {"job": {**stubborn, "killGraceSeconds": 1}}, "short": {"job": short}}}
        self.kills = 0


class Traffic:
    def __init__(self, cluster, witness, broken, dice):
        self.cluster, self.witness, self.broken, self.dice = cluster, witness, broken, dice
        self.is_open = False
        # Run → what it is: those that have not ended, those that have.
        self.open, self.ended = {}, {}
        self.unanswered = {}
        self.killed, self.paused = set(), {}
        self.count = 0
        self.next = 0
        self.is_serving = False

    def tick(self):
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + PACE
        try:
            if not self.is_serving:
                self.is_serving = self.cluster.serves()
                if not self.is_serving:
                    return
                self.find()
            self.look()
            if self.is_open:
                self.hand_in()
                self.run_again()
        except (OSError, http.client.HTTPException):
            self.is_serving = False
        except Refused as refusal:
            # It stops, or its disk is full for a moment.
            if refusal.status not in (503, 507):
                self.broken.say("a run was not accepted", f"{refusal}")
            self.is_serving = False

    @property
    def is_idle(self):
        return not self.open and not self.unanswered

    def hand_in(self):
        for kind, most in ((Load, LOADS), (Loud, LOUD), (Doomed, DOOMED)):
            if sum(isinstance(run, kind) for run in [*self.open.values(), *self.unanswered.values()]) >= most:
                continue
            self.count += 1
            tag = f"{kind.__name__} {self.count}"
            more = (LOAD_TASKS, TASK_MILLISECONDS) if kind is Load else ()
            run = kind(self.witness, tag, *more)
            # Where the answer does not come, it is there afterwards or it is not.
            self.unanswered[tag] = run
            number = self.cluster.submit(run.document)
            self.open[number] = self.unanswered.pop(tag)
            return

    def run_again(self):
        """One that has ended and that the coordinator has put away: it has nothing left to do, or what had failed."""
        done = [number for number, run in self.ended.items() if not isinstance(run, Doomed)]
        if done and self.dice.random() < AGAIN:
            number = self.dice.choice(done)
            if self.ask("PATCH", number, "/state/QUEUED"):
                self.open[number] = self.ended.pop(number)

    def find(self):
        """What was handed in to a coordinator that died; and whether all is there that was answered."""
        known = {item["tag"]: item["runID"] for item in self.cluster.get("/v1/dagruns?all=1")}
        for tag, run in list(self.unanswered.items()):
            del self.unanswered[tag]
            if tag in known:
                self.open[known[tag]] = run
        for number in set(self.open) - set(known.values()):
            self.broken.say("a run that was answered is not there", f"run {number}, {self.open[number].document['tag']}")

    def look(self):
        for number, run in list(self.open.items()):
            answer = self.cluster.get(f"/v1/dagrun/{number}/state")
            state = answer["state"]
            if isinstance(run, Doomed):
                self.doom(number, run, state)
            elif state in FINAL:
                self.ended[number] = self.open.pop(number)
            elif state == "PAUSED":
                if time.monotonic() > self.paused[number]:
                    self.ask("PATCH", number, "/state/QUEUED")
            elif self.is_open and number not in self.paused and self.dice.random() < PAUSED:
                # It may be PAUSED also where the answer does not come.
                self.paused[number] = time.monotonic() + PAUSE
                self.ask("PATCH", number, "/state/PAUSED")

    def doom(self, number, run, state):
        """Killed, run again, killed again."""
        if state == "KILLED":
            # Also where the answer did not come.
            run.kills = max(1, run.kills)
            if run.kills == 1 and self.is_open:
                self.ask("PATCH", number, "/state/QUEUED")
            else:
                self.ended[number] = self.open.pop(number)
        elif state in FINAL:
            self.broken.say("a run that is to be killed ended otherwise", f"run {number} is {state}")
            self.ended[number] = self.open.pop(number)
        elif state == "RUNNING" or not self.is_open:
            if self.ask("DELETE", number):
                run.kills += 1

    def ask(self, method, number, path=""):
        """-> whether it was answered with yes. No is that of a run which has changed meanwhile, or is being killed already, or of a
        coordinator that stops, or whose disk is full for a moment."""
        status, answer = self.cluster.call(method, f"/v1/dagrun/{number}{path}")
        if status not in (200, 202, 409, 503, 507):
            self.broken.say("a command was refused", f"{method} run {number}{path}: {status} {answer}")
        return status in (200, 202)
