"""Fills the coordinator's disk N times (2) while two agents work through tasks of all kinds: it is a small file system, full to the last
block; every second time also what the coordinator gives up is taken, and every fourth time the coordinator is killed while it is full and
started again, as systemd would. Checks that submissions get 507 meanwhile and nothing new is started, that the agents stay, that results
land as long as the ballast's room is there, that all is back within 10 s of space without anybody's help, and that nothing was lost.

Then the disk breaks: each kind of file has a write or a sync fail with EIO. The coordinator must end with 70 and name the file and why, and
the next start must have all that was acknowledged. And its log is damaged: it must start with all of that, or be refused in words.

Then the power is cut at M points (500) of coordinators' writing (Tests/CoordinatorTests/Disk/PowerCutTests.swift).

Mounting the file system wants root. The long form:  scripts/torture disk --fills 20 --cuts 10000
"""
import contextlib
import http.client
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

from cluster import ROOT, Cluster, Refused, build
from namespaces import NotPossible
from smalldisk import SmallDisk

from .figures import NOT_POSSIBLE, seed_of, verdict
from .load import Load
from .promises import Broken, check_records, check_run
from .witness import Witness, compile_c

DISK_MEGABYTES, BALLAST_MEGABYTES = 400, 16
TASKS, TASK_MILLISECONDS = 120, (100, 1500)
# Work for the time of a breakage: it lasts for as long as one of them may take to come.
SHORT_TASKS, SHORT_MILLISECONDS = 60, (0, 100)
# From its last block to the first refusal, and to the last start of what was sent before.
NOTICE_SECONDS, SETTLE_SECONDS = 5, 3
# How long it stays full after that.
FULL_SECONDS = (2, 5)
# What the promise is.
BACK_SECONDS = 10
# As in the systemd unit.
RESTART_SECONDS = 2
STORAGE_FAILED = 70
# File, call, and up to which of its calls it fails.
SICK = [("state.db-wal", "sync", 60), ("state.db-wal", "write", 200), ("logs.db-wal", "sync", 20), ("logs.db-wal", "write", 60),
        ("state.db", "sync", 1), ("state.db", "write", 1), ("logs.db", "sync", 1), ("logs.db", "write", 1)]
# For the count of what was acknowledged to be written after a commit.
MARK_SECONDS = 0.3
SICK_SECONDS = 60
ONE = {"tasks": {"a": {"job": {"command": ["/bin/true"], "cores": 0.1, "memoryMB": 1}}}}


def flags(parser):
    parser.add_argument("--fills", type=int, default=2, metavar="N")
    parser.add_argument("--cuts", type=int, default=500, metavar="M")


def run(options):
    seed = seed_of(options)
    dice, broken = random.Random(seed), Broken()
    programs = build("debug" if options.debug else "release")
    try:
        with SmallDisk(DISK_MEGABYTES) as disk, Cluster(programs) as cluster:
            campaign = Campaign(cluster, disk, dice, broken)
            for number in range(options.fills):
                campaign.fill(is_greedy=number % 2 == 1, is_killed=number % 4 == 1)
            campaign.break_()
            campaign.damage()
            campaign.check()
    except NotPossible as reason:
        print(f"disk: {reason}")
        return NOT_POSSIBLE
    cuts = cut_power(options.cuts, broken)
    return verdict("disk", broken, f"{campaign.words}, {cuts}", seed)


class Campaign:
    def __init__(self, cluster, disk, dice, broken):
        self.cluster, self.disk, self.dice, self.broken = cluster, disk, dice, broken
        self.witness = Witness(cluster.work)
        self.sick = cluster.folder / "sickdisk.so"
        compile_c(pathlib.Path(__file__).with_name("sickdisk.c"), self.sick, "-shared", "-fPIC", "-ldl")
        cluster.data = disk.folder / "coordinator"
        cluster.flags = ["--ballast-mb", BALLAST_MEGABYTES]
        cluster.start_coordinator()
        for name in ("anna", "bert"):
            cluster.start_agent(name, cores=4, memory_mb=4000)
        self.loads, self.back, self.refused, self.landed = {}, [], 0, 0
        self.kills = self.breaks = self.damages = 0
        self.began = time.monotonic()

    def submit(self, load):
        self.loads[self.cluster.submit(load.document)] = load

    # Full

    def fill(self, is_greedy, is_killed):
        self.submit(Load(self.witness, f"full {len(self.loads)}", TASKS, TASK_MILLISECONDS))
        begun = self.witness.starts()
        while self.witness.starts() < begun + TASKS // 8:
            time.sleep(0.02)
        self.disk.fill(is_greedy)
        if not is_greedy and not (self.cluster.data / "ballast").exists():
            # It was given up before the last block was taken, and may have been taken with the rest.
            self.disk.give_back(BALLAST_MEGABYTES)
        full = time.monotonic()
        if not self.is_refused(until=full + NOTICE_SECONDS):
            self.broken.say("submissions are not refused although the disk is full")
        time.sleep(max(0, full + SETTLE_SECONDS - time.monotonic()))
        starts = self.witness.starts()
        if is_killed:
            self.kill()
        end = time.monotonic() + self.dice.uniform(*FULL_SECONDS)
        while time.monotonic() < end:
            self.look(is_killed)
            time.sleep(0.2)
        if self.witness.starts() != starts:
            self.broken.say("tasks are started although the disk is full", f"{self.witness.starts() - starts} of them")
        if not is_greedy:
            self.check_landed()
        self.disk.free()
        self.wait_back()
        self.cluster.wait(max(self.loads), seconds=300, every=0.05)

    def is_refused(self, until):
        while time.monotonic() < until:
            try:
                # What is not refused yet is a run that ends.
                self.cluster.submit(ONE)
            except Refused as refusal:
                problem = refusal.answer
                if refusal.status != 507 or "free some space" not in problem.get("detail", ""):
                    self.broken.say("a refusal does not say what to do", f"{refusal}")
                self.refused += 1
                return True
            except (OSError, http.client.HTTPException) as error:
                self.broken.say("the coordinator does not answer while its disk is full", repr(error))
                return True
            time.sleep(0.05)
        return False

    def look(self, may_be_away):
        """People and agents see it as it is."""
        if self.cluster.coordinator.poll() is not None:
            if not may_be_away:
                self.broken.say("the coordinator ended because its disk is full", f"exit code {self.cluster.coordinator.poll()}")
            return self.restart()
        try:
            if not self.cluster.serves():
                return
            ready = self.cluster.get("/ready")
            if not ready.get("diskFull"):
                self.broken.say("/ready does not tell that the disk is full", f"{ready}")
            away = {name: state for name, state in self.cluster.agent_states().items() if state != "ACTIVE"}
            if away and not may_be_away:
                self.broken.say("an agent is not heard while the disk is full", f"{away}")
        except (OSError, http.client.HTTPException):
            if not may_be_away:
                raise

    def kill(self):
        self.cluster.end_coordinator(signal.SIGKILL)
        self.kills += 1
        self.cluster.launch_coordinator()

    def restart(self):
        """As systemd does with one that ended with 70."""
        if self.cluster.coordinator.returncode != STORAGE_FAILED:
            self.broken.say("the coordinator ended as it must not", f"exit code {self.cluster.coordinator.returncode}")
        if time.monotonic() - self.cluster.launched > RESTART_SECONDS:
            self.cluster.launch_coordinator()

    def check_landed(self):
        """Of what has ended a while ago, the end is told."""
        run = max(self.loads)
        ended = {r.task for r in self.witness.read() if r.run == run and r.what == "end"}
        time.sleep(1)
        whole = self.cluster.get(f"/v1/dagrun/{run}?logs=none")
        for task in ended:
            told = [a["state"] for a in whole["taskAttempts"].get(task, [])]
            if not any(state in ("COMPLETED", "FAILED") for state in told):
                self.broken.say("a result does not land in the ballast's room", f"{task}: {told}")
        self.landed += len(ended)

    def wait_back(self):
        """A run is accepted, and tasks that waited are started."""
        free, starts, is_accepted = time.monotonic(), self.witness.starts(), False
        while time.monotonic() - free < 6 * BACK_SECONDS and not (is_accepted and self.witness.starts() > starts):
            try:
                if self.cluster.coordinator.poll() is not None:
                    self.restart()
                elif not is_accepted and self.cluster.serves():
                    self.cluster.submit(ONE)
                    is_accepted = True
            except (OSError, http.client.HTTPException, Refused):
                pass
            time.sleep(0.05)
        took = time.monotonic() - free
        self.back.append(took)
        if took > BACK_SECONDS:
            self.broken.say("it is not back in time after there is space again", f"{took:.1f} s")

    # Broken

    def break_(self):
        for name, call, most in SICK:
            number = 1 + self.dice.randrange(most)
            self.submit(Load(self.witness, f"sick {name} {call}", SHORT_TASKS, SHORT_MILLISECONDS))
            if most == 1:
                # It is written at a start, where there is something to move into it.
                self.witness_some()
            self.cluster.end_coordinator(signal.SIGKILL)
            log = self.cluster.folder / "coordinator.log"
            before = log.stat().st_size
            self.cluster.launch_coordinator({"LD_PRELOAD": str(self.sick), "SICKDISK": f"{call} {name} {number}"})
            code = self.await_end()
            lines = log.read_bytes()[before:].decode().splitlines()
            last = lines[-1] if lines else ""
            # What fails in moving a log into the database is said of the database.
            if code != STORAGE_FAILED or name.removesuffix("-wal") not in last or "Input/output error" not in last:
                self.broken.say("a disk that breaks does not end it as it must", f"{call} {number} of {name}: {code}, {last!r}")
            self.breaks += 1
            self.cluster.start_coordinator()
            self.cluster.wait(max(self.loads), seconds=300, every=0.05)

    def witness_some(self):
        starts, patience = self.witness.starts(), time.monotonic() + 5
        while self.witness.starts() < starts + 10 and time.monotonic() < patience:
            time.sleep(0.01)

    def await_end(self):
        """Under load: else there is nothing to write."""
        patience = time.monotonic() + SICK_SECONDS
        while time.monotonic() < patience:
            code = self.cluster.coordinator.poll()
            if code is not None:
                return code
            with contextlib.suppress(OSError, http.client.HTTPException, Refused):
                if self.cluster.serves():
                    self.cluster.submit(ONE)
            time.sleep(0.05)
        return self.cluster.end_coordinator(signal.SIGKILL)

    def damage(self):
        """A killed one's log, damaged: with rubbish behind it it starts, with less than was acknowledged it does not."""
        def longer(log):
            return log + os.urandom(5000)

        def shorter(log):
            return log[:-self.dice.randrange(1, 4000)]

        def flipped(log):
            at = len(log) - self.dice.randrange(1, 4000)
            return log[:at] + bytes([log[at] ^ 1 << self.dice.randrange(8)]) + log[at + 1:]

        for change in (longer, shorter, flipped):
            self.settle()
            self.cluster.end_coordinator(signal.SIGKILL)
            path = self.cluster.data / "state.db-wal"
            whole = path.read_bytes()
            path.write_bytes(change(whole))
            self.damages += 1
            if change is not longer:
                self.cluster.launch_coordinator()
                code = self.cluster.coordinator.wait(SICK_SECONDS)
                words = (self.cluster.folder / "coordinator.log").read_text().splitlines()[-1]
                if code != STORAGE_FAILED or "commits that were acknowledged" not in words or "backup" not in words:
                    self.broken.say("a log that lost what was acknowledged is not refused in words", f"{change.__name__}: {code}, {words!r}")
                path.write_bytes(whole)
            self.cluster.start_coordinator()

    def settle(self):
        """Something is committed, and nothing more is under way: else the log's end may be a commit that nobody was told of."""
        self.cluster.wait(self.cluster.submit(ONE), seconds=60)
        patience = time.monotonic() + 60
        while set(self.cluster.agent_states().values()) != {"ACTIVE"} and time.monotonic() < patience:
            time.sleep(0.05)
        time.sleep(MARK_SECONDS)

    def check(self):
        for number in self.loads:
            self.cluster.wait(number, seconds=300, every=0.05)
        took = time.monotonic() - self.began
        records = self.witness.read()
        check_records(records, self.broken)
        for number, load in self.loads.items():
            check_run(load, number, self.cluster.get(f"/v1/dagrun/{number}?logs=full"), records, self.broken, exact=True)
        self.words = (
            f"{sum(len(load.tasks) for load in self.loads.values())} tasks, {self.disk.kind} full {len(self.back)} times, back after "
            f"{max(self.back, default=0):.1f} s at most, {self.landed} results landed meanwhile, {self.refused} refusals, {self.kills} kills, "
            f"{self.breaks} breakages, {self.damages} damages, {took:.1f} s")


# Power

def cut_power(count, broken):
    """-> its figures, in words"""
    if count == 0:
        return "no power cuts"
    swift = shutil.which("swift") or "/opt/swift/usr/bin/swift"
    done = subprocess.run(
        [swift, "test", "--package-path", str(ROOT), "--disable-xctest", "--filter", "PowerCutTests"],
        env={**os.environ, "CARAVAN_POWER_CUTS": str(count)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lives = [list(map(int, re.findall(r"\d+", line))) for line in done.stdout.splitlines() if line.startswith("power cuts: ")]
    lost = [line.strip() for line in done.stdout.splitlines() if "cut after" in line]
    for line in lost:
        broken.say("a power cut loses what was acknowledged", line)
    if done.returncode != 0 and not lost:
        broken.say("the power cuts did not run to their end", done.stdout[-500:])
    points, operations, commits, later = (sum(life[at] for life in lives) for at in range(4))
    return f"{points} power cuts in {operations} operations of {commits} commits ({later} found one that nobody was told of), {len(lost)} lost"
