"""Many agents, which make no processes: what the coordinator itself can do."""
import time

from . import processes
from .bench import grid, thousands
from .table import row


@row("whole: 1,000,000 tasks, 200 agents of 64 slots", "<= 100 s, <= 100 MB", lambda v: v <= 100)
def whole(bench):
    count = thousands(bench.scaled(1_000_000))
    with bench.cluster(agent=False) as cluster:
        cluster.start_crowd(200, 64)
        pid = cluster.coordinator.pid
        cpu = processes.cpu_seconds(pid)
        _, seconds = cluster.completed(grid(count))
        cpu = processes.cpu_seconds(pid) - cpu
        memory = processes.resident_mb(pid)
        return seconds, f"s for {count} tasks; the coordinator {1e6 * cpu / count:.1f} us of CPU an attempt, {memory:.0f} MB", memory <= 100


@row("crowd: the same for five minutes", ">= 15,000 attempts a second, memory flat", lambda v: v >= 15_000)
def crowd(bench):
    seconds, size = 300 * bench.scale, thousands(bench.scaled(1_000_000))
    with bench.cluster(agent=False) as cluster:
        cluster.start_crowd(200, 64)
        pid = cluster.coordinator.pid
        memory, rates = [], []
        began = time.monotonic()
        while not rates or time.monotonic() - began < seconds:
            _, took = cluster.completed(grid(size))
            rates.append(size / took)
            memory.append(processes.resident_mb(pid))
        return min(rates), (f"a second in the slowest of {len(rates)} runs of {size}, {max(rates):.0f} in the fastest; "
                            f"the coordinator {memory[0]:.0f} MB after the first, {memory[-1]:.0f} after the last"), memory[-1] <= 1.1 * max(memory[:2])


@row("waiting: 1,000 idle agents", "<= 5 % of a core, <= 100 MB", lambda v: v <= 5)
def waiting(bench):
    with bench.cluster(agent=False) as cluster:
        cluster.start_crowd(1000, 4)
        pid = cluster.coordinator.pid
        began, cpu = time.monotonic(), processes.cpu_seconds(pid)
        time.sleep(20)
        share = 100 * (processes.cpu_seconds(pid) - cpu) / (time.monotonic() - began)
        memory = processes.resident_mb(pid)
        return share, f"% of a core, {memory:.0f} MB", memory <= 100
