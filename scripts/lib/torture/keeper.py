"""Keeps one program of a cluster running, as systemd would, with one failpoint after the other armed."""
import collections
import signal
import time

# So long a place may take to be visited before the program is told to stop, which may visit it, too; at a second try twice as long,
# and so on.
VISIT_SECONDS = 2
# How long a stop may take.
STOP_SECONDS = 40
# A program that goes on after a failure is watched for so long.
AFTER_FAILURE_SECONDS = 0.3
# A program without jobs is stopped or killed this often, while others have some: those may wait for just that.
RESTLESS_SECONDS = 0.8
# A program that has run for so long has begun.
SETTLED_SECONDS = 0.5
# Places of the process that is left where an agent's other one dies, and how long that one has for it.
AFTER_DEATH, AFTER_DEATH_SECONDS = "runner-death-", 3
# How often a place that was not visited gets another try.
TRIES = 4
STORAGE_FAILED = 70
# Of the visits that a longer life has, the first so many are where it dies.
EARLY = 12


class Job:
    def __init__(self, place, action, number=1):
        self.place, self.action, self.number, self.tries = place, action, number, 0

    @property
    def rule(self):
        return f"{self.place}={self.action}@{self.number}"


def jobs(places, program, action, usual, dice):
    """One for each place of the program, at a visit by the dice; in an order by the dice."""
    chosen = [place.name for place in places if program in place.programs and (action != "fail" or place.can_fail)]
    dice.shuffle(chosen)
    return [Job(name, action, 1 + dice.randrange(max(1, usual[name] // EARLY))) for name in chosen]


class Keeper:
    def __init__(self, name, launch, traces, broken, dice):
        """`launch(environment)` starts it and gives the process."""
        self.name, self.launch, self.traces, self.broken, self.dice = name, launch, traces, broken, dice
        self.program = name.partition(" ")[0]
        self.jobs = collections.deque()
        # The rules of a life without a job.
        self.rest = ""
        self.is_restless = False
        self.unvisited = []
        self.job = self.process = None
        self.starts = 0

    @property
    def is_done(self):
        return not self.jobs and self.job is None

    def start(self, rules):
        environment, self.trace = self.traces.environment(self.program, rules)
        self.process = self.launch(environment)
        self.since = time.monotonic()
        self.fired = self.told = None
        self.starts += 1

    def start_next(self):
        self.job = self.jobs.popleft() if self.jobs else None
        self.start(self.job.rule if self.job else self.rest)

    def tell(self, number):
        self.process.send_signal(number)
        self.told, self.told_at = number, time.monotonic()

    def hang_up(self):
        """Another program is to take over; one that has just begun would take the signal for its end."""
        if self.process.poll() is None and not self.told and time.monotonic() - self.since > SETTLED_SECONDS:
            self.process.send_signal(signal.SIGHUP)

    def tick(self):
        """To be called often; never waits."""
        code = self.process.poll()
        now = time.monotonic()
        if self.job and not self.fired and self.trace.read().done[self.job.place, self.job.action]:
            self.fired = now
        if code is not None:
            self.ended(code)
            self.start_next()
        elif self.told:
            if now - self.told_at > STOP_SECONDS:
                self.broken.say("a program did not stop when it was told to", self.words("still there"))
                self.process.kill()
        elif self.job is None:
            if self.jobs or (self.is_restless and now - self.since > RESTLESS_SECONDS):
                self.tell(self.dice.choice([signal.SIGKILL, signal.SIGTERM]))
        elif self.fired and now - self.fired > AFTER_FAILURE_SECONDS:
            self.tell(self.dice.choice([signal.SIGKILL, signal.SIGTERM]))
        elif not self.fired and now - self.since > VISIT_SECONDS * (1 + self.job.tries):
            self.tell(signal.SIGKILL if self.job.place.startswith(AFTER_DEATH) else signal.SIGTERM)

    def ended(self, code):
        # A place that it visited in its last moments, or that what is left of it visits.
        patience = time.monotonic() + (AFTER_DEATH_SECONDS if self.job and self.job.place.startswith(AFTER_DEATH) else 0)
        while time.monotonic() < patience and not self.trace.read().done[self.job.place, self.job.action]:
            time.sleep(0.01)
        if self.job and self.trace.read().done[self.job.place, self.job.action]:
            self.fired = self.fired or time.monotonic()
        expected = set()
        if self.told:
            expected.add(-signal.SIGKILL if self.told == signal.SIGKILL else 0)
        if self.fired:
            expected.add(-signal.SIGKILL if self.job.action == "kill" else STORAGE_FAILED)
        if code not in expected:
            self.broken.say("a program ended as it must not", self.words(f"exit code {code}, not one of {sorted(expected)}"))
        if self.job and not self.fired:
            self.again()
        self.job = None

    def again(self):
        self.job.tries += 1
        self.job.number = 1
        if self.job.tries < TRIES:
            self.jobs.append(self.job)
        else:
            self.unvisited.append(self.job.place)

    def words(self, what):
        return f"{self.name}, {what}, {self.job.rule if self.job else 'nothing armed'}"
