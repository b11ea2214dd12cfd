"""Tasks that misbehave, each beside others that must not notice: what becomes of each is as documented, and nothing of it is left."""
import os
import pathlib
import time

from cluster import FINAL

# Neighbours: short tasks that run all the while, one behind the other.
NEIGHBOURS = 40
# The longest that one of them may take from its parent's end to its own, whatever goes on beside it.
NEIGHBOUR_SECONDS = 3
# Processes that a bomb may make: its own limit, so that the machine lives.
BOMB_PROCESSES = 200
PRINTED = 300_000_000
# Each leaves this in the arguments of what it leaves behind.
MARK = "caravan-guest"

# name: (job, state of the task, what its executorLog must say, what its output must be)
SLEEPER = f"exec -a {MARK} sleep 600"
GUESTS = {
    "bomb": ({"command": ["bash", "-c", f"ulimit -u {BOMB_PROCESSES}; b() {{ bash -c '{SLEEPER}' & b; }}; b 2>/dev/null"], "timeoutSeconds": 4},
             "ERRORED", "time limit of 4 s exceeded"),
    "daemon": ({"command": ["bash", "-c", f"setsid bash -c '{SLEEPER}' >/dev/null 2>&1 < /dev/null & sleep 0.2"]}, "COMPLETED", ""),
    "orphan": ({"command": ["bash", "-c", f"(setsid bash -c '(env -i setsid bash -c \"{SLEEPER}\" &) ' &) ; sleep 0.2"]}, "COMPLETED", ""),
    "deaf": ({"command": ["bash", "-c", f"trap '' TERM; {SLEEPER} & while :; do sleep 1; done"], "timeoutSeconds": 1, "killGraceSeconds": 1},
             "ERRORED", "time limit of 1 s exceeded"),
    "hog": ({"commandString": "head -c 2G /dev/zero | tr '\\\\000' x | tail -n 1 | wc -c", "memoryMB": 100}, "ERRORED", "memory limit of 100 MB exceeded"),
    "mute": ({"command": ["bash", "-c", "exec >&- 2>&-; sleep 1"]}, "COMPLETED", ""),
    "loud": ({"commandString": f"head -c {PRINTED} /dev/zero | tr '\\\\000' y"}, "COMPLETED", ""),
    "binary": ({"commandString": "head -c 3000000 /dev/urandom | tee /dev/stderr"}, "COMPLETED", ""),
}


def guests(cluster, agent, broken):
    """-> words. `agent`: whom to look at for what is left."""
    for process in [p for name, p in cluster.agents.items() if name != agent]:
        process.terminate()
        process.wait()
    chain = {f"n{i}": {"job": {"command": ["/bin/true", MARK], "cores": 1}, "parents": [f"n{i - 1}"] if i else []}
             for i in range(NEIGHBOURS)}
    tasks = {name: {"job": {**job, "cores": 0.1}} for name, (job, *_) in GUESTS.items()}
    run = cluster.submit({"tag": "guests", "tasks": {**tasks, **chain}})
    until = time.monotonic() + 180
    while cluster.get(f"/v1/dagrun/{run}/state")["state"] not in FINAL and time.monotonic() < until:
        time.sleep(0.05)
    whole = cluster.get(f"/v1/dagrun/{run}?logs=none")
    for name, (_, state, words) in GUESTS.items():
        attempts = whole["taskAttempts"].get(name, [])
        said = attempts[-1]["executorLog"] if attempts else ""
        if whole["taskStates"][name] != state or words not in said:
            broken.say("a guest did not end as it must", f"{name} is {whole['taskStates'][name]}: {attempts}")
    slowest = check_neighbours(whole, broken)
    check_output(cluster, run, whole, broken)
    left = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if named(pid)]
    if left:
        broken.say("a guest left processes", f"{[(pid, pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()) for pid in left]}")
    return f"{len(GUESTS)} guests beside {NEIGHBOURS} neighbours, the slowest step of those {1000 * slowest:.0f} ms"


def named(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(MARK.encode())
    except OSError:
        return False


def check_neighbours(whole, broken):
    stops = [int(whole["taskAttempts"][f"n{i}"][-1]["stopTime"]) for i in range(NEIGHBOURS)]
    if any(whole["taskStates"][f"n{i}"] != "COMPLETED" for i in range(NEIGHBOURS)):
        broken.say("a neighbour did not end well")
    slowest = max((b - a) / 1e9 for a, b in zip(stops, stops[1:]))
    if slowest > NEIGHBOUR_SECONDS:
        broken.say("a guest held its neighbours up", f"{slowest:.1f} s")
    return slowest


def check_output(cluster, run, whole, broken):
    out = cluster.get(f"/v1/dagrun/{run}/task/binary/log?stream=stdout")
    err = cluster.get(f"/v1/dagrun/{run}/task/binary/log?stream=stderr")
    if len(out) != 3_000_000 or out != err:
        broken.say("binary output did not come as it was printed", f"{len(out)} and {len(err)} bytes")
    loud = cluster.get(f"/v1/dagrun/{run}/task/loud/log?stream=stdout")
    told = whole["taskAttempts"]["loud"][-1]["outputBytes"]
    cut = f"[caravan: {PRINTED - (64 << 20)} bytes were cut away here]".encode()
    if told != PRINTED or cut not in loud or len(loud.replace(b"\n" + cut + b"\n", b"")) != 64 << 20:
        broken.say("a long output is not cut as it must be", f"{told} bytes told, {len(loud)} kept")
