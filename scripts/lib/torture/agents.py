"""Kills agents' processes N times (12), at random moments, while they work through tasks of all kinds: the one that has the tasks, the one that
has the connection, or both. Beside that another program takes over by SIGHUP (M times, 4), under load. What died is started again, as systemd
would. Then tasks that misbehave run beside others that must not notice.

Checks that nothing of a dead agent's tasks is left after 15 s, that the death of the connection's process and a takeover cost no attempt, that what
died with the other runs again within 5 s, that no attempt is started twice or accepted twice and no two of a task are alive together, and
that each log is whole.

The long form:  scripts/torture agents --kills 200 --takeovers 50
"""
import os
import pathlib
import random
import signal
import time
from typing import NamedTuple

from cluster import FINAL, Cluster, build

from .figures import percentile, seed_of, verdict
from .guests import guests
from .load import Load
from .promises import Broken, check_records, check_run
from .witness import Witness

AGENTS = ("anna", "bert", "carl")
CORES = 4
TASK_MILLISECONDS = (0, 30)
RUN_TASKS = 400
# Runs that are under way at a time.
OPEN_RUNS = 2
# Between two kills, in seconds.
PACE = (0.3, 1.0)
KINDS = {"runner": 40, "link": 35, "both": 25}
# Nothing of a dead agent's tasks may be there after so long.
GONE_SECONDS = 15
# What ran there must have begun again after so long.
AGAIN_SECONDS = 5
TICK = 0.005


class Death(NamedTuple):
    """Of the process that has the tasks. `at`: CLOCK_BOOTTIME, in nanoseconds."""
    agent: str
    life: int
    at: int


def flags(parser):
    parser.add_argument("--kills", type=int, default=12, metavar="N")
    parser.add_argument("--takeovers", type=int, default=4, metavar="M")


def run(options):
    seed = seed_of(options)
    broken = Broken()
    programs = build("debug" if options.debug else "release")
    with Cluster(programs) as cluster:
        campaign = Campaign(cluster, options, random.Random(seed), broken)
        campaign.begin()
        campaign.disturb()
        campaign.end()
        words = campaign.words
        words += ", " + guests(cluster, AGENTS[0], broken)
    return verdict("agents", broken, words, seed)


class Campaign:
    def __init__(self, cluster, options, dice, broken):
        self.cluster, self.options, self.dice, self.broken = cluster, options, dice, broken
        self.witness = Witness(cluster.work)
        self.loads, self.deaths, self.gone, self.takeovers = {}, [], [], 0
        self.kills = dict.fromkeys(KINDS, 0)
        # Lives whose processes are still looked for, and since when.
        self.looked_for = {}
        self.is_open = True

    def begin(self):
        self.cluster.start_coordinator()
        for name in AGENTS:
            self.cluster.start_agent(name, CORES)
        self.began = time.monotonic()
        self.tick()

    def disturb(self):
        todo = [*self.dice.choices(list(KINDS), KINDS.values(), k=self.options.kills), *["takeover"] * self.options.takeovers]
        self.dice.shuffle(todo)
        for what in todo:
            self.pass_time(self.dice.uniform(*PACE))
            name = self.dice.choice(AGENTS)
            if what == "takeover":
                self.take_over(name)
            else:
                self.kill(name, what)

    def pass_time(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tick()
            time.sleep(TICK)

    def tick(self):
        """Work that never ends, agents that are always started again, and a look at what is left of those that died."""
        for number in self.loads:
            if self.loads[number].state_seen not in FINAL:
                self.loads[number].state_seen = self.cluster.get(f"/v1/dagrun/{number}/state")["state"]
        while self.is_open and sum(load.state_seen not in FINAL for load in self.loads.values()) < OPEN_RUNS:
            load = Load(self.witness, f"agents {len(self.loads)}", RUN_TASKS, TASK_MILLISECONDS)
            load.state_seen = None
            self.loads[self.cluster.submit(load.document)] = load
        for name, process in self.cluster.agents.items():
            if process.poll() is not None:
                self.cluster.launch_agent(name, CORES)
        for mark, since in list(self.looked_for.items()):
            left = processes_of(mark)
            if not left:
                self.gone.append(time.monotonic() - since)
                del self.looked_for[mark]
            elif time.monotonic() - since > GONE_SECONDS:
                self.broken.say("tasks outlive their agent", f"{mark}: {left}")
                del self.looked_for[mark]

    def kill(self, name, what):
        process = self.cluster.agents[name]
        link = link_of(process.pid)
        # It has only just been started.
        while link is None and process.poll() is None:
            self.pass_time(TICK)
            link = link_of(process.pid)
        if process.poll() is not None:
            return self.kill(name, what)
        self.kills[what] += 1
        pids = {"runner": [process.pid], "link": [link], "both": [process.pid, link]}[what]
        self.dice.shuffle(pids)
        if what != "link":
            agent, life = self.cluster.agent_id(name), self.life_of(name)
            self.deaths.append(Death(agent, life, time.clock_gettime_ns(time.CLOCK_BOOTTIME)))
        for pid in pids:
            signal_to(pid, signal.SIGKILL)
        if what != "link":
            process.wait()
            self.looked_for[f"{agent}.{life}"] = time.monotonic()

    def take_over(self, name):
        before = self.says(name)
        self.cluster.agents[name].send_signal(signal.SIGHUP)
        end = time.monotonic() + 30
        while self.says(name) == before and self.cluster.agents[name].poll() is None and time.monotonic() < end:
            self.tick()
            time.sleep(TICK)
        if self.says(name) == before:
            # It had only just begun: a program that does not expect the signal yet ends by it.
            if self.cluster.agents[name].poll() != -signal.SIGHUP:
                log = (self.cluster.folder / f"agent-{name}.log").read_text(errors="replace")
                self.broken.say("no program took over", f"{name}, exit code {self.cluster.agents[name].poll()}: {log[max(log.rfind('Fatal error'), len(log) - 4000):][:500]}")
            return
        self.takeovers += 1

    def says(self, name):
        return (self.cluster.folder / f"agent-{name}.log").read_text(errors="replace").count("took over, pid")

    def life_of(self, name):
        return int((self.cluster.folder / f"agent-{name}" / "starts").read_text())

    def end(self):
        self.is_open = False
        for number in self.loads:
            while self.cluster.get(f"/v1/dagrun/{number}/state")["state"] not in FINAL:
                self.pass_time(0.05)
        while self.looked_for:
            self.pass_time(0.05)
        took = time.monotonic() - self.began
        records = self.witness.read()
        check_records(records, self.broken)
        attempts = []
        for number, load in self.loads.items():
            whole = self.cluster.get(f"/v1/dagrun/{number}?logs=full")
            check_run(load, number, whole, records, self.broken, exact=False)
            attempts += [a for list_ in whole["taskAttempts"].values() for a in list_]
        again = self.check_losses(records, {int(a["fence"]): a for a in attempts if a["state"] == "LOST"})
        rate = len(attempts) / took
        self.words = (
            f"{len(attempts)} attempts in {len(self.loads)} runs ({rate:.0f}/s), kills: {', '.join(f'{n} {k}' for k, n in self.kills.items())}, "
            f"{self.takeovers} takeovers, {sum(a['state'] == 'LOST' for a in attempts)} attempts lost with {len(self.deaths)} deaths, "
            f"nothing left after {max(self.gone, default=0):.2f} s, run again after {percentile(again, 50):.2f} s (p50) and "
            f"{max(again, default=0):.2f} s (max), {took:.0f} s")

    def check_losses(self, records, lost):
        """-> seconds from a death to the next start of what ran there"""
        died = {(death.agent, death.life): death for death in self.deaths}
        starts = {}
        again = []
        for record in records:
            if record.what == "start":
                starts.setdefault((record.run, record.task), []).append(record)
        for record in (r for list_ in starts.values() for r in list_ if r.fence in lost):
            death = died.get((record.agent, record.life))
            if death is None:
                self.broken.say("an attempt is lost, and its agent did not die", f"{record}: {lost[record.fence]['executorLog']}")
                continue
            later = [r for r in starts[record.run, record.task] if r.fence > record.fence]
            if later:
                again.append((later[0].at - death.at) / 1e9)
        if again and max(again) > AGAIN_SECONDS:
            self.broken.say(f"what died with its agent had not begun again after {AGAIN_SECONDS} s", f"{max(again):.1f} s")
        return again


def signal_to(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def link_of(runner):
    """-> the pid of the process that has this agent's connection; None: there is none now"""
    try:
        children = pathlib.Path(f"/proc/{runner}/task/{runner}/children").read_text().split()
    except OSError:
        return None
    for pid in children:
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[1:2] == [b"--link"]:
            return int(pid)
    return None


def processes_of(mark):
    """-> the pids of all whose environment names that agent's start"""
    wanted, found = f"CARAVAN_AGENT={mark}".encode(), []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
        except OSError:
            continue
    return found
