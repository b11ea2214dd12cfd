"""Kills the coordinator with SIGKILL N times (6) at random moments of a run of M tasks (3000) on A agents (2), starts it again
each time, and checks that all tasks are COMPLETED, none with two successful attempts, that each log is whole, and that the
tasks' own records of their starts are what the coordinator tells.
"""
import collections
import random
import time

from cluster import Cluster, build


def flags(parser):
    parser.add_argument("--kills", type=int, default=6, metavar="N")
    parser.add_argument("--tasks", type=int, default=3000, metavar="M")
    parser.add_argument("--agents", type=int, default=2, metavar="A")


# Each task's own record goes to one file by one small append, so that records never mix.
SCRIPT = 'echo "$CARAVAN_TASK $CARAVAN_ATTEMPT $CARAVAN_FENCE" >> starts; echo "this is $CARAVAN_TASK, number $0"'


def run(options):
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    dice = random.Random(seed)
    # How many tasks have started when it is killed, and how much later, so that it is hit anywhere in a batch.
    moments = sorted(dice.randrange(options.tasks) for _ in range(options.kills))
    programs = build("debug" if options.debug else "release")
    recoveries, broken = [], []
    with Cluster(programs) as cluster:
        cluster.start_coordinator()
        for agent in range(options.agents):
            cluster.start_agent(f"agent{agent}", cores=2)
        starts = cluster.work / "starts"
        began = time.monotonic()
        number = cluster.submit({
            "tag": "crash", "parameters": {"I": [str(i) for i in range(options.tasks)]},
            "tasks": {"t": {"job": {"command": ["/bin/sh", "-c", SCRIPT, "{{I}}"], "cores": 1, "memoryMB": 10}}},
        })
        for moment in moments:
            patience = time.monotonic() + 300
            while (starts.read_bytes().count(b"\n") if starts.exists() else 0) < moment:
                if time.monotonic() > patience:
                    raise RuntimeError(f"{moment} tasks have not started within 300 s")
                time.sleep(0.002)
            time.sleep(dice.random() * 0.03)
            cluster.kill_coordinator()
            recoveries.append(cluster.start_coordinator())
        state = cluster.wait(number, seconds=900, every=0.05)
        took = time.monotonic() - began
        whole = cluster.get(f"/v1/dagrun/{number}?logs=full")
        records = [line.split() for line in starts.read_text().splitlines()]

        if state != "COMPLETED":
            broken.append(f"the run is {state}")
        names = {f"t_{i}": f"this is t_{i}, number {i}\n" for i in range(options.tasks)}
        states = collections.Counter(whole["taskStates"].get(name, "missing") for name in names)
        if states["COMPLETED"] != options.tasks:
            broken.append(f"tasks are {dict(states)}")
        attempts = {name: whole["taskAttempts"].get(name, []) for name in names}
        for name, log in names.items():
            good = [a for a in attempts[name] if a["rc"] == 0]
            if len(good) != 1:
                broken.append(f"{name} has {len(good)} successful attempts: {attempts[name]}")
            for attempt in good:
                if attempt["outputLog"] != log:
                    broken.append(f"{name}'s log is {attempt['outputLog']!r}")
        # The records are whole lines of three words; an attempt that was started twice has two with one fence.
        for record in records:
            if len(record) != 3 or record[0] not in names:
                broken.append(f"a record reads {record}")
        for fence, times in collections.Counter(r[-1] for r in records).items():
            if times != 1:
                broken.append(f"the attempt with fence {fence} was started {times} times")
        recorded = collections.Counter(r[0] for r in records)
        for name in names:
            if recorded[name] != len(attempts[name]):
                broken.append(f"{name} was started {recorded[name]} times, and the coordinator tells of {len(attempts[name])}")
    for line in broken[:20]:
        print("broken:", line)
    total = sum(len(a) for a in attempts.values())
    print(f"crash: {'BROKEN' if broken else 'ok'}, {states['COMPLETED']} of {options.tasks} COMPLETED, {options.kills} kills, {total} attempts, "
          f"{took:.1f} s, serving again after {1000 * max(recoveries, default=0):.0f} ms at most, seed {seed}")
    return 1 if broken else 0
