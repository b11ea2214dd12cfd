"""The same work on Caravan and on its peers: what the peers are installed into, how all are started, the rows."""
import copy
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

from .bench import HERE, median
from .table import layered

PLACE = HERE.parent / ".build" / "peers"
# A peer's name, and its package.
PEERS = {"hyperqueue": "hyperqueue", "parsl": "parsl", "dask": "distributed"}
# Far above what a loaded machine needs: they only bound a failure's time.
START_SECONDS = 120
WORK_SECONDS = 900
STOP_SECONDS = 20
# How many times as high a row's highest floor may be as its lowest, before the table warns.
RESTLESS = 1.3
TRUE = ["/bin/true"]
PRINTED = (("o" * 79 + "\n") * 100).encode()


class LeftOut(Exception):
    """A peer that cannot be compared, and why, in one line."""


def install(name):
    """Into the peers' own environment, if it is not there yet; -> its version."""
    python = PLACE / "bin" / "python"
    # Of an environment whose making was interrupted, pip is what is missing.
    if not (PLACE / "bin" / "pip").exists():
        _said(sys.executable, "-m", "venv", "--clear", PLACE)
    ask = [python, "-c", f"from importlib.metadata import version; print(version('{PEERS[name]}'))"]
    if subprocess.run(ask, capture_output=True).returncode != 0:
        print(f"installing {name} into {PLACE}", flush=True)
        _said(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEERS[name])
    return _said(*ask).strip()


def _said(*command):
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ended.returncode != 0:
        raise LeftOut(f"cannot be installed: {_last_line(ended.stderr + ended.stdout)}")
    return ended.stdout


def _last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no word why"


class System:
    """Something that runs work, from `with` to its end. `work` -> seconds from the submission until the end of all is known."""

    def __init__(self, bench):
        self.bench = bench

    def __enter__(self):
        try:
            self.start()
            # What is made only once, and what is loaded late, is not the work's.
            self.work(1, 20, TRUE)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self


class Caravan(System):
    def start(self):
        self.cluster = self.bench.cluster()
        self.cluster.__enter__()

    def __exit__(self, *what):
        if hasattr(self.cluster, "agents"):
            self.cluster.__exit__(*what)

    def work(self, layers, width, command, logs=None):
        document = layered(layers, width, command)
        if layers * width == 1:
            self.run, seconds = self.cluster.seen(document)
            return seconds
        # Its clock is the machine's, and so ours: nobody need ask often, which takes processor time from the work.
        began = time.time()
        self.run, _ = self.cluster.completed(document)
        return self.cluster.ended(self.run) - began

    def printed(self, number, logs):
        return self.cluster.get(f"/v1/dagrun/{self.run}/task/l0_{number}/log?stream=stdout")


class Peer(System):
    """In namespaces of its own: what it listens on is loopback and reached by nobody else, and nothing that it starts outlives it."""

    def __init__(self, bench, name):
        super().__init__(bench)
        self.name, self.process = name, None

    def start(self):
        self.folder = self.bench.folder / self.name
        self.folder.mkdir()
        unshare = ["unshare", "--net", "--uts", "--mount-proc", "--pid", "--fork", "--kill-child"]
        if os.geteuid() != 0:
            unshare += ["--user", "--map-root-user"]
        with open(self.folder.with_suffix(".log"), "wb") as log:
            # A session of its own: Ctrl-C is for the script, which ends it.
            self.process = subprocess.Popen(
                [*unshare, PLACE / "bin" / "python", HERE / "lib" / "peer_driver.py", self.name, self.folder, str(self.bench.slots)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True, cwd=self.folder)
        self.answer(START_SECONDS)

    def __exit__(self, *what):
        # From here on it is not interrupted: nothing is to be left.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        if self.process:
            self.process.stdin.close()
            try:
                self.process.wait(0 if what[0] else STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        for number, handler in before.items():
            signal.signal(number, handler)

    def work(self, layers, width, command, logs=None):
        line = json.dumps({"layers": layers, "width": width, "command": list(map(str, command)), "logs": logs and str(logs)})
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise LeftOut("has ended") from None
        return self.answer(WORK_SECONDS)["seconds"]

    def answer(self, seconds):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise LeftOut(f"gave no answer in {seconds} s")
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "ended: " + _last_line(self.folder.with_suffix(".log").read_text(errors="replace"))}
        if "error" in answer:
            raise LeftOut(" ".join(answer["error"].split())[:300])
        return answer

    def printed(self, number, logs):
        path = logs / str(number)
        return path.read_bytes() if path.exists() else b""


class Row:
    def __init__(self, title, layers, width, times=1, scaled=False, prints=False):
        """Work of so many layers of so many tasks, each all to all; `times`: of which a turn's median is taken."""
        self.title, self.layers, self.width, self.times, self.scaled, self.prints = title, layers, width, times, scaled, prints

    def speed(self, rate):
        """In words."""
        return f"{1000 / rate:8.2f} ms" if self.width == 1 else f"{rate:8.0f} a second"

    def turn(self, bench, system):
        """-> tasks a second, of a system that has just been started."""
        width = bench.scaled(self.width) if self.scaled else self.width
        if self.prints:
            return width / self.printing(bench, system, width)
        times = []
        for _ in range(self.times):
            time.sleep(0.02)
            times.append(system.work(self.layers, width, TRUE))
        return self.layers * width / median(times)

    def printing(self, bench, system, count):
        logs = bench.folder / "logs"
        logs.mkdir()
        try:
            seconds = system.work(1, count, self.command(bench), logs)
            for number in range(0, count, max(1, count // 200)):
                if system.printed(number, logs) != PRINTED:
                    raise LeftOut(f"what task {number} printed is not in its log")
            return seconds
        finally:
            shutil.rmtree(logs)

    def command(self, bench):
        return [bench.folder / "print-lines", 100, 80, "out"] if self.prints else TRUE

    def floor(self, bench):
        """The very same command as often, at least 500 times; one at a time where the work is."""
        alone = copy.copy(bench)
        alone.slots = min(self.width, bench.slots)
        count = self.layers * (bench.scaled(self.width) if self.scaled else self.width)
        return alone.floor(max(500, count), *self.command(bench))


ROWS = [
    Row("many: 10,000 x /bin/true", 1, 10_000, scaled=True),
    Row("chain: 100 x /bin/true, a step", 100, 1),
    Row("layers: 10 x 100 x /bin/true, all to all", 10, 100),
    Row("idle: one /bin/true, submitted to seen finished", 1, 1, times=20),
    Row("logs: 2,000 x 100 lines of 80", 1, 2000, scaled=True, prints=True),
]


def compare(bench, row, names, left_out):
    """Rounds, in each of which every system has one turn. `left_out(name, why)` is told of a peer that fails, which has no turn from then on.

    -> the row for programs: each system's rates and shares of the floor before and after its turn, each peer's ratios."""
    systems = {name: {"rates": [], "floors": [], "shares": []} for name in ["caravan", *names]}
    for _ in range(bench.rounds):
        before = row.floor(bench)
        for name in list(systems):
            try:
                with Caravan(bench) if name == "caravan" else Peer(bench, name) as system:
                    rate = row.turn(bench, system)
            except (LeftOut, OSError, ValueError) as why:
                if name == "caravan":
                    raise
                left_out(name, why)
                del systems[name]
                continue
            after = row.floor(bench)
            floor, before = (before + after) / 2, after
            for kind, value in (("rates", rate), ("floors", floor), ("shares", rate / floor)):
                systems[name][kind].append(value)
    for name, found in systems.items():
        found["rate"], found["share"] = median(found["rates"]), median(found["shares"])
        if name != "caravan":
            found["ratios"] = [ours / theirs for ours, theirs in zip(systems["caravan"]["shares"], found["shares"])]
            found["ratio"] = median(found["ratios"])
    return {"row": row.title, "systems": systems}


def table(row, systems):
    """-> the row for people."""
    floors = [floor for found in systems.values() for floor in found["floors"]]
    lowest, highest = sorted((min(floors), max(floors)), reverse=row.width == 1)
    lines = [f"{row.title}; floor {row.speed(lowest).strip()} to {row.speed(highest).strip()}"]
    if max(floors) > RESTLESS * min(floors):
        lines[0] += ": the machine is not quiet, these figures say little"
    for name, found in systems.items():
        line = f"    {name:12} {row.speed(found['rate']):18} {found['share']:6.3f} of floor"
        if "ratio" in found:
            line += f"    caravan/{name}: {found['ratio']:.2f} ({min(found['ratios']):.2f} to {max(found['ratios']):.2f})"
        lines.append(line)
    return "\n".join(lines)
