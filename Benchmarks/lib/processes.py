"""What processes cost: memory, processor time and wake-ups, as the kernel counts them."""
import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    return _status(pid, "VmRSS") / 1024


def proportional_mb(pid):
    """Its share of what it has in memory together with others."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no Pss")


def cpu_seconds(pid):
    """Its own, user and system; its children's are not among it."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wake_ups(pid):
    """How often its threads went to sleep of their own will, which is how often they were woken."""
    return sum(_status(pid, "voluntary_ctxt_switches", task) for task in os.listdir(f"/proc/{pid}/task"))


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        found += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def _status(pid, name, task=None):
    path = f"/proc/{pid}/task/{task}/status" if task else f"/proc/{pid}/status"
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no {name}")
