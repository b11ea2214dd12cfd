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


@row("crowd: the same for five minutes without a pause", ">= 15,000 attempts a second, memory flat", lambda v: v >= 15_000)
def crowd(bench):
    seconds, size = 300 * bench.scale, thousands(bench.scaled(1_000_000))
    with bench.cluster(agent=False) as cluster:
        cluster.start_crowd(200, 64)
        pid = cluster.coordinator.pid
        # One waits while another runs.
        waiting, ends, memory = [cluster.submit(grid(size)) for _ in range(2)], [], []
        first, began, cpu = waiting[0], time.monotonic(), processes.cpu_seconds(pid)
        while waiting:
            run = waiting.pop(0)
            cluster.finished(run)
            ends.append(cluster.ended(run))
            memory.append(processes.resident_mb(pid))
            if time.monotonic() - began < seconds:
                waiting.append(cluster.submit(grid(size)))
        cpu = processes.cpu_seconds(pid) - cpu
        whole = ends[-1] - cluster.started(first)
        # They may end two by two.
        slowest = max(later - earlier for earlier, later in zip(ends, ends[2:])) / 2 if len(ends) > 2 else whole / len(ends)
        return size / slowest, (f"a second in the slowest {2 * slowest:.0f} s of {whole:.0f} s with {len(ends)} runs of {size}, {size * len(ends) / whole:.0f} on average; "
                                f"{1e6 * cpu / size / len(ends):.1f} us of CPU an attempt; the coordinator {memory[0]:.0f} MB after the first, "
                                f"{memory[len(memory) // 2]:.0f} in the middle, {memory[-1]:.0f} after the last"), memory[-1] <= 1.05 * memory[len(memory) // 2]


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
