"""What the benchmark's rows share: programs, clusters, the floor."""
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE.parent / "scripts" / "lib"))
from cluster import Cluster, build  # noqa: E402


class Bench:
    def __init__(self, folder, rounds, scale, slots):
        """`scale`: of 1, how large the large rows are."""
        self.folder, self.rounds, self.scale, self.slots = pathlib.Path(folder), rounds, scale, slots
        self.programs = build("release")
        swift = shutil.which("swift") or "/opt/swift/usr/bin/swift"
        subprocess.run([swift, "build", "-c", "release", "--package-path", str(HERE.parent), "--product", "caravan-bench-agents"],
                       check=True, stdout=subprocess.DEVNULL)
        compiler = shutil.which("cc") or shutil.which("clang") or "/opt/swift/usr/bin/clang"
        for name in ("spawn-floor", "print-lines"):
            subprocess.run([compiler, "-O2", "-o", self.folder / name, HERE / f"{name}.c"], check=True)

    def scaled(self, count):
        return max(1, int(count * self.scale))

    def floor(self, count, *command):
        """-> processes a second of that command, made and reaped by a loop that does nothing else."""
        said = subprocess.run([self.folder / "spawn-floor", str(count), str(self.slots), *map(str, command)], check=True,
                              stdout=subprocess.PIPE, text=True)
        return float(said.stdout)

    def cluster(self, agent=True):
        return Running(self, agent)


class Running(Cluster):
    """A coordinator, with an agent of the bench's slots."""

    def __init__(self, bench, agent):
        super().__init__(bench.programs)
        self.bench, self.has_agent, self.crowd = bench, agent, None

    def __enter__(self):
        super().__enter__()
        self.start_coordinator()
        if self.has_agent:
            self.start_bench_agent()
        return self

    def __exit__(self, *what):
        self.end_crowd()
        return super().__exit__(*what)

    def start_bench_agent(self):
        self.start_agent("bench", cores=self.bench.slots, memory_mb=4000)

    def end_crowd(self):
        if self.crowd:
            self.crowd.kill()
            self.crowd.wait()
            self.crowd = None

    def start_crowd(self, agents, cores, task_ms=0):
        """Agents over real TCP that make no processes."""
        self.crowd = self._start("caravan-bench-agents", ["--coordinator", self.ports["agents"], "--token-file", self.data / "agent.token",
                                                          "--agents", agents, "--cores", cores, "--task-ms", task_ms],
                                 "crowd.log", None, None)
        while sum(state == "ACTIVE" for state in self.agent_states().values()) < agents + self.has_agent:
            if self.crowd.poll() is not None:
                raise RuntimeError("the simulated agents ended")
            time.sleep(0.05)

    def completed(self, document, every=0.2, seconds=900):
        """Submits and waits; -> (the run, seconds from its first state to its last, by the coordinator's clock).

        Looks rarely: who asks takes processor time from the work, and the clock is not the asker's."""
        run = self.submit(document)
        return run, self.finished(run, every, seconds)

    def finished(self, run, every=0.2, seconds=900):
        self._wait_completed(run, every, seconds)
        shown = self.shown(run)
        return (int(shown["lastUpdate"]) - int(shown["startTime"])) / 1e9

    def seen(self, document):
        """-> (the run, seconds from the POST until COMPLETED is seen)."""
        began = time.monotonic()
        run = self.call("POST", "/v1/dagrun", document)[1]["runID"]
        # Who asks without a pause takes the task's processor.
        self._wait_completed(run, every=0.0003, seconds=900)
        return run, time.monotonic() - began

    def _wait_completed(self, run, every, seconds):
        state = self.wait(run, seconds=seconds, every=every)
        if state != "COMPLETED":
            raise RuntimeError(f"run {run} is {state}")

    def started(self, run):
        """By the coordinator's clock."""
        return int(self.shown(run)["startTime"]) / 1e9

    def ended(self, run):
        """By the coordinator's clock."""
        return int(self.shown(run)["lastUpdate"]) / 1e9

    def shown(self, run):
        return next(one for one in self.get("/v1/dagruns?all=true") if one["runID"] == run)

    def accept(self, document):
        """-> (the run, seconds until it was answered)."""
        began = time.monotonic()
        run = self.submit(document)
        return run, time.monotonic() - began


def job(*command, **members):
    return {"job": {"command": list(map(str, command)), "cores": 1}, **members}


def thousands(count):
    return 1000 * max(1, count // 1000)


def grid(count, command="/bin/true"):
    """A run of so many thousands of tasks as one family, of which a thousand share a value."""
    values = [str(i) for i in range(1000)]
    return {"parameters": {"I": values[:thousands(count) // 1000], "J": values}, "tasks": {"t": job(command, "{{I}}", "{{J}}")}}


def median(values):
    return statistics.median(values)


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
