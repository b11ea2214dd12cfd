"""The rows of the table: each measures one kind of work and says what it should be."""
import json
import time

from . import processes
from .bench import job, median, percentile

ROWS = []


def row(name, goal, holds):
    """`goal` in words; `holds(value)`: whether it is met."""
    def add(measure):
        ROWS.append((name, goal, holds, measure))
        return measure
    return add


def ratio(bench, count, command, work):
    """Work of `count` tasks of that command against the floor before and after it, median of the rounds. `work()` -> seconds."""
    found = []
    for _ in range(bench.rounds):
        before = bench.floor(count, *command)
        rate = count / work()
        found.append((rate / ((before + bench.floor(count, *command)) / 2), rate))
    value, rate = sorted(found)[len(found) // 2]
    return value, f"{rate:.0f} a second"


def alike(count, command):
    """So many tasks that all run that command as it is, since an argument can make it another one (`/bin/true X` sets
    its locale, and takes half as long again): they are told apart by their environment."""
    one = job(*command)
    one["job"]["environment"] = {"I": "{{I}}"}
    return {"parameters": {"I": [str(i) for i in range(count)]}, "tasks": {"t": one}}


@row("many: 10,000 x /bin/true", ">= 0.75 of floor", lambda v: v >= 0.75)
def many(bench):
    count = bench.scaled(10_000)
    document = alike(count, ["/bin/true"])
    with bench.cluster() as cluster:
        return ratio(bench, count, ["/bin/true"], lambda: cluster.completed(document)[1])


@row("printing: the same, a line on both streams", ">= 0.70 of floor", lambda v: v >= 0.70)
def printing(bench):
    count = bench.scaled(10_000)
    command = [bench.folder / "print-lines", 1, 80, "both"]
    document = alike(count, command)
    with bench.cluster() as cluster:
        return ratio(bench, count, command, lambda: cluster.completed(document)[1])


@row("layers: 10 x 100, all to all", ">= 0.70 of floor", lambda v: v >= 0.70)
def layers(bench):
    document = alike(100, ["/bin/true"])
    layer = document["tasks"]["t"]
    document["tasks"] = {f"l{n}": {**layer, **({"parents": [f"l{n - 1}"]} if n else {})} for n in range(10)}
    with bench.cluster() as cluster:
        return ratio(bench, 1000, ["/bin/true"], lambda: cluster.completed(document)[1])


@row("chain: 500", "<= 2.0 ms a step", lambda v: v <= 2.0)
def chain(bench):
    document = {"tasks": {f"s{i}": job("/bin/true", parents=[f"s{i - 1}"] if i else []) for i in range(500)}}
    with bench.cluster() as cluster:
        return median([1000 * cluster.completed(document)[1] / 500 for _ in range(bench.rounds)]), "ms"


@row("idle: POST to COMPLETED seen", "<= 3.5 ms", lambda v: v <= 3.5)
def idle(bench):
    document = {"tasks": {"t": job("/bin/true")}}
    times = []
    with bench.cluster() as cluster:
        for _ in range(20 * bench.rounds):
            time.sleep(0.02)
            began = time.monotonic()
            status, answer = cluster.call("POST", "/v1/dagrun", document)
            while cluster.get(f"/v1/dagrun/{answer['runID']}/state")["state"] != "COMPLETED":
                # Who asks without a pause takes the task's processor.
                time.sleep(0.0003)
            times.append(1000 * (time.monotonic() - began))
    return median(times), f"ms; 99th percentile {percentile(times, 99):.1f}"


@row("logs: 2,000 x 100 lines of 80", ">= 0.70 of floor", lambda v: v >= 0.70)
def logs(bench):
    count = bench.scaled(2000)
    command = [bench.folder / "print-lines", 100, 80, "out"]
    document = alike(count, command)
    expected = ("o" * 79 + "\n") * 100
    with bench.cluster() as cluster:
        def work():
            run, seconds = cluster.completed(document)
            for number in range(0, count, max(1, count // 200)):
                text = cluster.get(f"/v1/dagrun/{run}/task/t_{number}/log?stream=stdout")
                if text.decode() != expected:
                    raise RuntimeError(f"the log of t_{number} is not what it printed")
            return seconds
        return ratio(bench, count, command, work)


@row("array: 1,000,000 tasks accepted", "<= 0.1 s, + <= 15 MB", lambda v: v <= 0.1)
def array(bench):
    values = [str(i) for i in range(1000)]
    document = {"parameters": {"I": values, "J": values}, "tasks": {"t": job("/bin/true", "{{I}}", "{{J}}")}}
    return accepted(bench, document)


@row("named: 100,000 tasks, 100,000 edges accepted", "<= 0.5 s, + <= 60 MB", lambda v: v <= 0.5)
def named(bench):
    count = bench.scaled(100_000)
    tasks = {f"task-{i}": job("/bin/true", str(i), parents=[f"task-{i - 1}"] if i % 100 else ["task-0"] if i else []) for i in range(count)}
    return accepted(bench, {"tasks": tasks})


@row("layer: 1000 x 1000, all to all, accepted", "<= 0.2 s", lambda v: v <= 0.2)
def layer(bench):
    document = {"parameters": {"I": [str(i) for i in range(1000)]}, "tasks": {
        "a": job("/bin/true", "{{I}}"), "b": job("/bin/true", "{{I}}", parents=["a"])}}
    return accepted(bench, document)


def accepted(bench, document):
    found, grown = [], []
    body = json.dumps(document)
    for _ in range(bench.rounds):
        with bench.cluster(agent=False) as cluster:
            before = processes.resident_mb(cluster.coordinator.pid)
            _, seconds = cluster.accept(document)
            found.append(seconds - encoding(body, document))
            grown.append(processes.resident_mb(cluster.coordinator.pid) - before)
    return median(found), f"s, + {median(grown):.0f} MB of memory, a document of {len(body) / 1e6:.1f} MB"


def encoding(body, document):
    """What the client itself needs to write the document down, which is not the coordinator's."""
    began = time.monotonic()
    json.dumps(document)
    return time.monotonic() - began


@row("crowd: 200 agents over TCP, 64 slots each", ">= 15,000 attempts a second", lambda v: v >= 15_000)
def crowd(bench):
    count = bench.scaled(1_000_000)
    values = [str(i) for i in range(1000)]
    document = {"parameters": {"I": values, "J": values[:max(1, count // 1000)]}, "tasks": {"t": job("/bin/true", "{{I}}", "{{J}}")}}
    with bench.cluster(agent=False) as cluster:
        cluster.start_crowd(200, 64)
        began = processes.cpu_seconds(cluster.coordinator.pid)
        _, seconds = cluster.completed(document, every=0.2)
        cpu = processes.cpu_seconds(cluster.coordinator.pid) - began
        return count / seconds, (f"a second: {count} in {seconds:.1f} s; the coordinator {1e6 * cpu / count:.1f} us of CPU an attempt, "
                                 f"{processes.resident_mb(cluster.coordinator.pid):.0f} MB")


@row("waiting: 1,000 idle agents", "<= 5 % of a core, <= 100 MB", lambda v: v <= 5)
def waiting(bench):
    with bench.cluster(agent=False) as cluster:
        cluster.start_crowd(1000, 4)
        pid = cluster.coordinator.pid
        began, cpu = time.monotonic(), processes.cpu_seconds(pid)
        time.sleep(20)
        share = 100 * (processes.cpu_seconds(pid) - cpu) / (time.monotonic() - began)
        return share, f"% of a core, {processes.resident_mb(pid):.0f} MB"


@row("asking: state, list and task while tasks run", "99th percentile <= 10 ms", lambda v: v <= 10)
def asking(bench):
    document = {"parameters": {"I": [str(i) for i in range(bench.scaled(10_000))]}, "tasks": {"t": job("/bin/true", "{{I}}")}}
    times = []
    with bench.cluster() as cluster:
        run = cluster.submit(document)
        while cluster.get(f"/v1/dagrun/{run}/state")["state"] not in ("COMPLETED", "ERRORED"):
            for path in (f"/v1/dagrun/{run}/state", "/v1/dagruns", f"/v1/dagrun/{run}/task/t_7"):
                began = time.monotonic()
                cluster.get(path)
                times.append(1000 * (time.monotonic() - began))
            time.sleep(0.01)
    return percentile(times, 99), f"ms; median {median(times):.1f}, {len(times)} questions"


@row("rest: coordinator and agent with nothing to do", "<= 25 MB each, agent's share <= 12 MB", lambda v: v <= 25)
def rest(bench):
    with bench.cluster() as cluster:
        agent = cluster.agents["bench"].pid
        whole = [agent, *processes.children(agent)]
        time.sleep(2)
        pids = [cluster.coordinator.pid, *whole]
        before = [processes.wake_ups(pid) for pid in pids]
        time.sleep(20)
        wakes = [(processes.wake_ups(pid) - count) / 20 for pid, count in zip(pids, before)]
        memory = processes.resident_mb(cluster.coordinator.pid)
        share = sum(processes.proportional_mb(pid) for pid in whole)
        return memory, (f"MB of coordinator; the agent's two processes {share:.1f} MB; wake-ups a second: coordinator {wakes[0]:.2f}, "
                        f"agent {' + '.join(f'{w:.2f}' for w in wakes[1:])}")
