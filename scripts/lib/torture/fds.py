"""Opens 1,000 connections that say nothing to REST and as many to the agents' port of a coordinator that may have only 256 files open, while
its agents work through tasks of all kinds; what is closed is opened again. A part of them begins a request or a frame, and goes on no further.

Checks that the agents do not notice (tasks go on, heartbeats are answered) and that another can join, that who has something to ask is answered meanwhile, and within
5 s once they are gone; that the coordinator has never more files open than it may, none too few for its databases, and does not spin.

--seconds S       how long they stay (10)
--connections N   so many to each port (1000). The long form:  scripts/torture fds --seconds 120 --connections 4000
"""
import contextlib
import http.client
import os
import random
import resource
import socket
import time

from cluster import Cluster, build

from .figures import milliseconds, percentile, seed_of, verdict
from .load import Load
from .promises import Broken, check_records, check_run
from .witness import Witness

# Of the coordinator.
FILES = 256
TASKS, TASK_MILLISECONDS = 100, (20, 500)
# Questions are given up after this.
PATIENCE_SECONDS = 5
# Of those that say nothing, one in so many says half of something.
HALF = 4
BEGINNINGS = {"http": b"GET /v1/dagr", "agents": b"\x00\x00\x01"}
# Of one core, while nothing happens but what they do.
SPIN_SHARE = 0.5
# So often they are looked after.
PACE = 0.02


def flags(parser):
    parser.add_argument("--seconds", type=float, default=10, metavar="S")
    parser.add_argument("--connections", type=int, default=1000, metavar="N")


def run(options):
    seed = seed_of(options)
    broken = Broken()
    # Ours, for all those connections.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Cluster(build("debug" if options.debug else "release")) as cluster:
        cluster.coordinator_prefix = ["prlimit", f"--nofile={FILES}:{FILES}"]
        campaign = Campaign(cluster, options, random.Random(seed), broken)
        campaign.crowd()
        campaign.leave()
        campaign.stand()
        campaign.check()
    return verdict("fds", broken, campaign.words, seed)


class Crowd:
    """Connections to one port."""

    def __init__(self, address, count, beginning, dice):
        host, port = address.rsplit(":", 1)
        self.address, self.count, self.beginning, self.dice = (host, int(port)), count, beginning, dice
        self.sockets, self.opened = [], 0

    def tick(self, opens=True):
        """Closes what the other side has closed, and opens others instead."""
        left = []
        for one in self.sockets:
            try:
                is_over = one.recv(4096) == b""
            except BlockingIOError:
                is_over = False
            except OSError:
                is_over = True
            if is_over:
                one.close()
            else:
                left.append(one)
        self.sockets = left
        while opens and len(self.sockets) < self.count:
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self.address)
            if self.dice.randrange(HALF) == 0:
                # It goes where the connection is there at once, as on loopback.
                with contextlib.suppress(OSError):
                    one.send(self.beginning)
            self.sockets.append(one)
            self.opened += 1

    def close(self):
        for one in self.sockets:
            one.close()
        self.sockets = []


class Campaign:
    def __init__(self, cluster, options, dice, broken):
        self.cluster, self.options, self.dice, self.broken = cluster, options, dice, broken
        self.witness = Witness(cluster.work)
        cluster.start_coordinator()
        for name in ("anna", "bert"):
            cluster.start_agent(name, cores=4, memory_mb=4000)
        self.loads, self.answers, self.most_files = {}, [], 0
        self.began = time.monotonic()
        self.submit()
        self.crowds = [Crowd(cluster.ports[port], options.connections, BEGINNINGS[port], dice) for port in BEGINNINGS]

    def submit(self):
        load = Load(self.witness, f"crowd {len(self.loads)}", TASKS, TASK_MILLISECONDS)
        self.loads[self.cluster.submit(load.document)] = load

    def ask(self, path):
        """On a connection of its own; -> the answer, None where there is none in time"""
        began = time.monotonic()
        host, port = self.cluster.ports["http"].rsplit(":", 1)
        one = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_SECONDS)
        with contextlib.closing(one):
            try:
                status, answer = self.cluster._ask(one, "GET", path, None)
            except (OSError, http.client.HTTPException) as error:
                self.broken.say("who asks is not answered", repr(error))
                return None
        self.answers.append(time.monotonic() - began)
        if status != 200:
            self.broken.say("who asks is refused", f"{status} {answer}")
        return answer

    def crowd(self):
        """They come, and come again."""
        end = time.monotonic() + self.options.seconds
        half = time.monotonic() + self.options.seconds / 2
        starts, next_question, self.joined = self.witness.starts(), 0, None
        while time.monotonic() < end:
            for crowd in self.crowds:
                crowd.tick()
            self.count_files()
            if self.joined is None and time.monotonic() > half:
                began = time.monotonic()
                self.cluster.start_agent("carl", cores=2, memory_mb=2000)
                self.joined = time.monotonic() - began
            if time.monotonic() > next_question:
                next_question = time.monotonic() + 0.2
                for agent in self.ask("/v1/agents") or []:
                    if agent["state"] != "ACTIVE" or not agent["connected"]:
                        self.broken.say("an agent is not heard", f"{agent['name']} is {agent['state']}")
                if all(run_["state"] == "COMPLETED" for run_ in self.ask("/v1/dagruns?all=1") or [{"state": ""}]):
                    self.submit()
            time.sleep(PACE)
        self.started = self.witness.starts() - starts
        if self.started < self.options.seconds:
            self.broken.say("tasks do not go on", f"{self.started} were started in {self.options.seconds} s")

    def count_files(self):
        count = len(os.listdir(f"/proc/{self.cluster.coordinator.pid}/fd"))
        self.most_files = max(self.most_files, count)

    def leave(self):
        for crowd in self.crowds:
            crowd.close()
        gone = time.monotonic()
        self.ask("/v1/dagruns")
        self.back = time.monotonic() - gone
        if self.back > 5:
            self.broken.say("REST is not back in time", f"{self.back:.1f} s")
        for run_ in self.loads:
            self.cluster.wait(run_, seconds=300, every=0.05)

    def stand(self):
        """They come once and just stay, with nothing else to do for the coordinator."""
        for crowd in self.crowds:
            crowd.tick()
        time.sleep(0.5)
        before, began = self.seconds_used(), time.monotonic()
        time.sleep(2)
        share = (self.seconds_used() - before) / (time.monotonic() - began)
        if share > SPIN_SHARE:
            self.broken.say("the coordinator spins", f"{100 * share:.0f} % of a core")
        self.share = share
        self.count_files()
        for crowd in self.crowds:
            crowd.close()

    def seconds_used(self):
        with open(f"/proc/{self.cluster.coordinator.pid}/stat", encoding="ascii") as file:
            words = file.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def check(self):
        took = time.monotonic() - self.began
        if self.most_files > FILES:
            self.broken.say("more files are open than may be", f"{self.most_files}")
        log = (self.cluster.folder / "coordinator.log").read_text()
        for words in ("Too many open files", "unable to open", "SQLite 14"):
            if words in log:
                self.broken.say("a file could not be opened", next(line for line in log.splitlines() if words in line))
        if len(log.splitlines()) > 100:
            self.broken.say("the journal is flooded", f"{len(log.splitlines())} lines")
        records = self.witness.read()
        check_records(records, self.broken)
        for number, load in self.loads.items():
            check_run(load, number, self.cluster.get(f"/v1/dagrun/{number}?logs=full"), records, self.broken, exact=True)
        self.words = (
            f"{sum(len(load.tasks) for load in self.loads.values())} tasks, {self.options.connections} silent connections to each port, "
            f"{sum(crowd.opened for crowd in self.crowds)} in all, at most {self.most_files} of {FILES} files open, {len(self.answers)} answers "
            f"meanwhile in {milliseconds(percentile(self.answers, 50))} (p50), {milliseconds(max(self.answers))} (max), an agent joined in "
            f"{milliseconds(self.joined)}, back after "
            f"{milliseconds(self.back)}, {100 * self.share:.0f} % of a core while they stand, {took:.1f} s")
