"""Tasks print without end, N GB (1) of text and as much again, by a quarter, of bytes that are no text, while short tasks run beside them on the same
agent, one behind the other. Then tasks print while they are killed, run out of time, lose their agent's connection, and while their agent's
program is replaced, or stopped and started again; and tasks that close their output early and go on.

Checks that the loud hold nobody up: no short task comes more than 1.5 s after the one before it. That the agent's two processes and the coordinator
take less than 100 MB together, by the proportional size that the kernel counts (smaps_rollup), looked at ten times a second. That of a long output
the first H and the last T MiB are there byte for byte, and between them how much was cut; and that of a short one nothing is lost, whatever befalls
its task or its agent, save what an agent had not yet handed on when it was killed.

The long form:  scripts/torture output --gigabytes 10 --head-mb 16 --tail-mb 48
"""
import functools
import os
import pathlib
import random
import signal
import threading
import time

from cluster import FINAL, Cluster, build

from .agents import link_of
from .figures import milliseconds, percentile, seed_of, verdict
from .promises import Broken

AGENT, CORES = "anna", 4
# Of runner, link and coordinator together.
MEMORY_MB = 100
LOOK_SECONDS = 0.1
# Short tasks, one behind the other, in each of so many runs.
NEIGHBOURS = 15
QUIET_RUNS = 4
# The longest from one's end to the next one's, beside those that print.
NEIGHBOUR_SECONDS = 1.5
# `seq FIRST LAST`: lines of ten bytes, 1 GB.
FIRST_LINE, LINE_BYTES, LINES = 100_000_000, 10, 100_000_000
# Bytes that are no text: this, over and over.
PATTERN = 7_340_033
# What is printed while something happens: within the caps, and for so long that it happens meanwhile.
SHORT_BYTES, SHORT_STEP, SHORT_PAUSE = 4_000_000, 10_000, 0.003
# Something happens when so much was printed.
ENOUGH_BYTES = 500_000

# Prints SHORT_BYTES of lines to both streams and keeps in a file how much each has taken.
WRITER = f"""
import os, sys, time
notes = os.open(sys.argv[1] + "." + os.environ["CARAVAN_ATTEMPT"], os.O_WRONLY | os.O_CREAT)
for at in range(0, {SHORT_BYTES}, {SHORT_STEP}):
    text = b"".join(b"%09d\\n" % line for line in range(at // 10, (at + {SHORT_STEP}) // 10))
    for fd in (1, 2):
        left = text
        while left:
            left = left[os.write(fd, left):]
    os.pwrite(notes, b"%09d" % (at + {SHORT_STEP}), 0)
    time.sleep({SHORT_PAUSE})
"""


def flags(parser):
    parser.add_argument("--gigabytes", type=float, default=1, metavar="N")
    parser.add_argument("--head-mb", type=int, default=4, metavar="H", help="what the agent keeps of a stream's beginning (4), in MiB")
    parser.add_argument("--tail-mb", type=int, default=12, metavar="T", help="… and of its end (12)")


def run(options):
    seed = seed_of(options)
    broken = Broken()
    with Cluster(build("debug" if options.debug else "release")) as cluster:
        campaign = Campaign(cluster, options, random.Random(seed), broken)
        cluster.start_coordinator()
        cluster.start_agent(AGENT, CORES, flags=campaign.flags)
        with campaign.memory:
            campaign.be_loud()
            campaign.disturb()
            campaign.close_early()
    campaign.memory.check(broken)
    return verdict("output", broken, campaign.words(), seed)


class Memory:
    """What the programs take together, looked at all the while by a thread of its own."""

    def __init__(self, cluster):
        self.cluster = cluster
        # In KB, of all and of each at that moment.
        self.most, self.parts, self.looks = 0, {}, 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def _look(self):
        while not self.is_over.wait(LOOK_SECONDS):
            runner = self.cluster.agents[AGENT].pid
            parts = {"runner": proportional(runner), "link": proportional(link_of(runner)), "coordinator": proportional(self.cluster.coordinator.pid)}
            self.looks += 1
            if sum(parts.values()) > self.most:
                self.most, self.parts = sum(parts.values()), parts

    @property
    def words(self):
        parts = ", ".join(f"{name} {kb / 1000:.0f}" for name, kb in self.parts.items())
        return f"at most {self.most / 1000:.0f} MB of memory ({parts})"

    def check(self, broken):
        if self.most > MEMORY_MB * 1000 or self.looks == 0:
            broken.say(f"the programs take more than {MEMORY_MB} MB", self.words)


def proportional(pid):
    """-> KB that are a process's own, and its share of what several have; 0 where there is none"""
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


class Campaign:
    def __init__(self, cluster, options, dice, broken):
        self.cluster, self.dice, self.broken = cluster, dice, broken
        self.memory = Memory(cluster)
        self.head, self.tail = options.head_mb << 20, options.tail_mb << 20
        self.flags = ("--output-head-mb", options.head_mb, "--output-tail-mb", options.tail_mb)
        self.pattern = cluster.work / "pattern"
        self.pattern.write_bytes(dice.randbytes(PATTERN))
        self.lines = max(1, round(options.gigabytes * LINES))
        self.repeats = max(1, round(options.gigabytes * 250_000_000 / PATTERN))
        self.quiet, self.beside = [], []
        self.happened = []

    # Long outputs.

    def be_loud(self):
        for _ in range(QUIET_RUNS):
            self.quiet += self.neighbours()
        rounds = [(FIRST_LINE, min(self.lines - at, LINES)) for at in range(0, self.lines, LINES)]
        text = "; ".join(f"seq {first} {first + count - 1}" for first, count in rounds)
        began = time.monotonic()
        number = self.cluster.submit({"tag": "loud", "tasks": {
            "text": {"job": {"commandString": text, "cores": 0.1}},
            "bytes": {"job": {"commandString": f"for i in $(seq {self.repeats}); do cat {self.pattern}; done >&2", "cores": 0.1}},
            "whole": {"job": {"commandString": f"head -c {PATTERN} {self.pattern} | tee /dev/stderr", "cores": 0.1}}}})
        while self.cluster.get(f"/v1/dagrun/{number}/state")["state"] not in FINAL:
            self.beside += self.neighbours()
        self.took = time.monotonic() - began
        if max(self.beside, default=99) > NEIGHBOUR_SECONDS:
            self.broken.say("tasks that print hold up those beside them", f"{max(self.beside, default=99):.2f} s")
        whole = self.expect(number, "COMPLETED")
        self.check_long(number, whole, "text", "stdout", self.lines * LINE_BYTES, text_at)
        pattern = self.pattern.read_bytes()
        repeated = pattern * (2 + max(self.head, self.tail) // PATTERN)
        self.check_long(number, whole, "bytes", "stderr", self.repeats * PATTERN,
                        lambda at, count: repeated[at % PATTERN:at % PATTERN + count])
        for stream in ("stdout", "stderr"):
            if self.log(number, "whole", stream) != pattern:
                self.broken.say("bytes that are no text did not come as they were printed", stream)

    def neighbours(self):
        """-> the steps of a run of short tasks, in seconds"""
        chain = {f"n{i}": {"job": {"command": ["/bin/echo", "n"], "cores": 1}, "parents": [f"n{i - 1}"] if i else []} for i in range(NEIGHBOURS)}
        number = self.cluster.submit({"tag": "neighbours", "tasks": chain})
        if self.cluster.wait(number, seconds=60) != "COMPLETED":
            self.broken.say("a neighbour did not end well", f"run {number}")
        attempts = self.cluster.get(f"/v1/dagrun/{number}")["taskAttempts"]
        if any(attempts[name][-1]["outputLog"] != "n\n" for name in chain):
            self.broken.say("a neighbour's output is missing", f"run {number}")
        stops = [int(attempts[f"n{i}"][-1]["stopTime"]) for i in range(NEIGHBOURS)]
        return [(b - a) / 1e9 for a, b in zip(stops, stops[1:])]

    def check_long(self, number, whole, task, stream, printed, expected):
        """`expected(at, count)`: what was printed there."""
        log = self.log(number, task, stream)
        told = whole["taskAttempts"][task][-1][{"stdout": "outputBytes", "stderr": "errorBytes"}[stream]]
        cut = printed - self.head - self.tail
        if cut > 0:
            mark = f"\n[caravan: {cut} bytes were cut away here]\n".encode()
            right = expected(0, self.head) + mark + expected(printed - self.tail, self.tail)
        else:
            right = expected(0, printed)
        if told != printed:
            self.broken.say("another size is told than was printed", f"{task}: {told} and not {printed}")
        if log != right:
            at = next((at for at, (one, other) in enumerate(zip(log, right)) if one != other), min(len(log), len(right)))
            self.broken.say("a long output is not cut as it must be",
                            f"{task}: {len(log)} bytes and not {len(right)}; at {at} {log[at:at + 60]!r} and not {right[at:at + 60]!r}")

    # Short ones, while something happens.

    def disturb(self):
        self.while_printing("killed", lambda run_, runner: self.cluster.call("DELETE", f"/v1/dagrun/{run_}/task/short"), "KILLED", is_whole=False)
        self.while_printing("out of time", None, "ERRORED", is_whole=False, timeoutSeconds=1)
        self.while_printing("the link killed", lambda run_, runner: os.kill(link_of(runner), signal.SIGKILL), "COMPLETED", is_whole=True)
        self.while_printing("another program", lambda run_, runner: os.kill(runner, signal.SIGHUP), "COMPLETED", is_whole=True)
        self.while_printing("the agent stopped", self.restart(signal.SIGTERM), "COMPLETED", is_whole=False)
        self.while_printing("the agent killed", self.restart(signal.SIGKILL), "COMPLETED", is_whole=None)

    def restart(self, number):
        def happen(_, runner):
            process = self.cluster.agents[AGENT]
            process.send_signal(number)
            process.wait(30)
            self.cluster.launch_agent(AGENT, CORES, flags=self.flags)
        return happen

    def while_printing(self, what, happen, state, is_whole, **members):
        """`is_whole`: whether the first attempt's output is all that it would ever print; None: of that attempt only what is there is looked at."""
        notes = self.cluster.work / f"notes-{len(self.happened)}"
        script = self.cluster.work / "writer.py"
        script.write_text(WRITER)
        number = self.cluster.submit({"tag": what, "tasks": {"short": {"job": {"command": ["python3", str(script), str(notes)], **members}}}})
        wanted = self.dice.randrange(ENOUGH_BYTES, SHORT_BYTES // 2)
        end = time.monotonic() + 30
        while happen and noted(notes, 1) < wanted and time.monotonic() < end:
            time.sleep(0.002)
        if happen:
            happen(number, self.cluster.agents[AGENT].pid)
        whole = self.expect(number, state)
        attempts = whole["taskAttempts"]["short"]
        for attempt in attempts:
            is_last = attempt is attempts[-1]
            for stream in ("stdout", "stderr"):
                log = self.log(number, "short", stream, attempt["attempt"])
                taken = noted(notes, attempt["attempt"])
                if log != written()[:len(log)]:
                    self.broken.say("what was printed came otherwise", f"{what}, attempt {attempt['attempt']}, {stream}")
                least = SHORT_BYTES if is_last and (is_whole or state == "COMPLETED") else 0 if is_whole is None else taken
                if len(log) < least:
                    self.broken.say("output within the caps is lost",
                                    f"{what}, attempt {attempt['attempt']}, {stream}: {len(log)} bytes are there, {least} were printed: {attempt['executorLog']}")
        if is_whole and len(attempts) != 1:
            self.broken.say("an attempt was lost that need not be", f"{what}: {attempts}")
        if happen and is_whole is not True and state == "COMPLETED" and len(attempts) < 2:
            self.broken.say("nothing happened while a task printed", what)
        self.happened.append(what)

    def close_early(self):
        """One stream is closed at once and the other goes on; then that as well, and the task goes on."""
        text = "exec >&-; seq 1 100000 >&2; exec 2>&-; sleep 0.3; exit 5"
        other = "exec 2>&-; seq 1 100000; exec >&-; sleep 0.3; exit 6"
        number = self.cluster.submit({"tag": "mute", "tasks": {"first": {"job": {"commandString": text}}, "second": {"job": {"commandString": other}}}})
        whole = self.expect(number, "ERRORED")
        right = "".join(f"{line}\n" for line in range(1, 100_001)).encode()
        for task, code, streams in (("first", 5, (b"", right)), ("second", 6, (right, b""))):
            attempt = whole["taskAttempts"][task][-1]
            logs = tuple(self.log(number, task, stream) for stream in ("stdout", "stderr"))
            length = (int(attempt["stopTime"]) - int(attempt["startTime"])) / 1e9
            if attempt["rc"] != code or length < 0.3 or logs != streams:
                self.broken.say("a task that closes its output does not go on", f"{task}: {attempt['rc']}, {[len(log) for log in logs]} bytes, {length:.2f} s")

    def expect(self, number, state):
        found = self.cluster.wait(number, seconds=300)
        whole = self.cluster.get(f"/v1/dagrun/{number}?logs=none")
        if found != state:
            self.broken.say("a run did not end as it must", f"{whole['tag']} is {found} and not {state}: {str(whole['taskAttempts'])[:300]}")
        return whole

    def log(self, number, task, stream, attempt=None):
        more = f"&attempt={attempt}" if attempt else ""
        return self.cluster.get(f"/v1/dagrun/{number}/task/{task}/log?stream={stream}{more}")

    def words(self):
        printed = self.lines * LINE_BYTES + self.repeats * PATTERN
        return (
            f"{printed / 1e9:.2f} GB printed in {self.took:.1f} s ({printed / 1e6 / self.took:.0f} MB/s), {self.memory.words}, "
            f"steps of {len(self.beside)} neighbours {milliseconds(percentile(self.beside, 50))} (p50) and {milliseconds(max(self.beside, default=0))} (worst), "
            f"without the loud {milliseconds(percentile(self.quiet, 50))} and {milliseconds(max(self.quiet))}, {len(self.happened)} times disturbed")


def text_at(at, count):
    """What `seq`, round after round, prints there."""
    first, last = at // LINE_BYTES, (at + count - 1) // LINE_BYTES
    text = b"".join(b"%d\n" % (FIRST_LINE + line % LINES) for line in range(first, last + 1))
    return text[at - first * LINE_BYTES:][:count]


@functools.cache
def written():
    """What the writer prints."""
    return b"".join(b"%09d\n" % line for line in range(SHORT_BYTES // 10))


def noted(notes, attempt):
    try:
        return int(pathlib.Path(f"{notes}.{attempt}").read_text() or 0)
    except OSError:
        return 0
