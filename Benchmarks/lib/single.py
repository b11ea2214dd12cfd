"""Tasks that are processes, on one agent: how fast they are, and what is at rest where there are none."""
import time

from . import processes
from .bench import job, median, percentile
from .pollers import Pollers
from .table import alike, layered, ratio, row


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
    document = layered(10, 100, ["/bin/true"])
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
            times.append(1000 * cluster.seen(document)[1])
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


@row("polled: the first row with 200 clients that ask once a second", ">= 0.90 of without", lambda v: v >= 0.90)
def polled(bench):
    document = alike(bench.scaled(10_000), ["/bin/true"])
    found, times = [], []
    with bench.cluster() as cluster:
        for number in range(2 * bench.rounds):
            seconds = {}
            for is_polled in (False, True) if number % 2 else (True, False):
                run = cluster.submit(document)
                with Pollers(cluster, f"/v1/dagrun/{run}/state", 200 if is_polled else 0, every=1) as pollers:
                    seconds[is_polled] = cluster.finished(run)
                times += pollers.times
            found.append(seconds[False] / seconds[True])
    return median(found), f"of {2 * bench.rounds} pairs from {min(found):.2f} to {max(found):.2f}; answers in {percentile(times, 99):.1f} ms at the 99th percentile"


@row("rest: coordinator and agent with nothing to do", "<= 25 MB, agent's share <= 12 MB, heartbeats' wake-ups", lambda v: v <= 25)
def rest(bench):
    with bench.cluster() as cluster:
        agent = cluster.agents["bench"].pid
        whole = [agent, *processes.children(agent)]
        # An open connection of a client is looked after.
        cluster.connection.close()
        time.sleep(2)
        pids = [cluster.coordinator.pid, *whole]
        before = [processes.wake_ups(pid) for pid in pids]
        time.sleep(20)
        wakes = [(processes.wake_ups(pid) - count) / 20 for pid, count in zip(pids, before)]
        memory = processes.resident_mb(cluster.coordinator.pid)
        share = sum(processes.proportional_mb(pid) for pid in whole)
        return memory, (f"MB of coordinator; the agent's two processes {share:.1f} MB; wake-ups a second: coordinator {wakes[0]:.2f}, "
                        f"agent {' + '.join(f'{w:.2f}' for w in wakes[1:])}"), share <= 12 and max(wakes) <= 1
