"""Stops programs past a lease of 10 s and lets them go on, with tasks of all kinds under way on four agents:

    of one agent the process that has its tasks, while those run on, and one agent as a whole, together with its tasks
    then of one agent the process that has its connection, while all else of it goes on
    then the coordinator

and checks that all runs end as they must, that the result of no finished task is lost, and that no two attempts of one task were alive
together. An agent is two processes. Where only the one that has the tasks is stopped, the other ends them in time. Where only the other is, the first
puts a new one in its place before a lease is over, which costs no attempt. What was stopped together with both may overlap with what was begun elsewhere: nobody
can end it then. Once the agent goes on it must do so at once.

--rounds N repeats it.
"""
import os
import pathlib
import random
import signal
import time
from typing import NamedTuple

from cluster import Cluster, build

from .agents import link_of
from .figures import seed_of, verdict
from .load import Load
from .promises import Broken, check_records, check_run, late
from .witness import Witness

LEASE_SECONDS = 10
# A stopped agent's work is given to others at 110 % of the lease, after the last that was heard of it.
STOP_SECONDS = (11.5, 14)
# Within this an agent that goes on must have ended what was given to others.
END_SECONDS = 2
TASK_MILLISECONDS = (100, 4000)
TASKS = 60
# These are under way all the while.
LONG = (6, 12_000)
AGENTS = ("stops", "freezes", "third", "fourth")


def flags(parser):
    parser.add_argument("--rounds", type=int, default=1, metavar="N")


def run(options):
    seed = seed_of(options)
    dice = random.Random(seed)
    broken = Broken()
    loads, stops, overlaps, healed = {}, [], [], []
    with Cluster(build("debug" if options.debug else "release"), lease_seconds=LEASE_SECONDS) as cluster:
        witness = Witness(cluster.work)
        cluster.start_coordinator()
        for name in AGENTS:
            cluster.start_agent(name, cores=4)
        began = time.monotonic()
        for number in range(options.rounds):
            for who in ("agents", "link", "coordinator"):
                load = Load(witness, f"pause {number} of the {who}", TASKS, TASK_MILLISECONDS, LONG)
                loads[cluster.submit(load.document)] = load
                time.sleep(dice.uniform(1, 3))
                if who == "agents":
                    before = ended_by_links(cluster)
                    stops += stop_agents(cluster, dice)
                    if ended_by_links(cluster) == before:
                        broken.say("no link ended the tasks of its stopped runner")
                elif who == "link":
                    healed.append(stop_link(cluster, dice, broken))
                else:
                    stop([cluster.coordinator.pid], dice)
                # The next ones are to find room.
                cluster.wait(list(loads)[-1], seconds=300, every=0.05)
        took = time.monotonic() - began

        def nobody_could_end_it(record, other):
            overlaps.append(record)
            return any(s.agent == other.agent and s.began <= record.at <= s.ended + END_SECONDS * 10**9 for s in stops)

        records = witness.read()
        check_records(records, broken, nobody_could_end_it)
        wholes = {run_id: cluster.get(f"/v1/dagrun/{run_id}?logs=full") for run_id in loads}
        for run_id, whole in wholes.items():
            check_run(loads[run_id], run_id, whole, records, broken, exact=False)
        attempts = [a for whole in wholes.values() for list_ in whole["taskAttempts"].values() for a in list_]
    lost = sum(a["state"] == "LOST" for a in attempts)
    for whole in wholes.values():
        if whole["tag"].endswith("link"):
            check_nothing_lost(whole, broken)
            continue
        if not any(a["state"] == "LOST" for list_ in whole["taskAttempts"].values() for a in list_):
            broken.say("no lease ended, so nothing was tried", whole["tag"])
        if whole["tag"].endswith("coordinator") and late([whole], records):
            broken.say("what ended while the coordinator stood still was run again", f"{late([whole], records)}")
    return verdict("pauses", broken, (
        f"{sum(len(load.tasks) for load in loads.values())} tasks, {options.rounds} stops of the coordinator, {2 * options.rounds} of agents and {options.rounds} of a link "
        f"past a lease of {LEASE_SECONDS} s, {len(attempts)} attempts, {lost} of them lost ({len(late(wholes.values(), records))} had "
        f"finished), {len(overlaps)} begun beside a stopped agent's, a stopped link was replaced after {max(healed):.1f} s, "
        f"{took:.1f} s"), seed)


class Stop(NamedTuple):
    """`began`, `ended`: CLOCK_BOOTTIME, in nanoseconds."""
    agent: str
    began: int
    ended: int


def stop_agents(cluster, dice):
    """Two at once, of which one together with its tasks."""
    stopped, frozen = cluster.agents["stops"].pid, cluster.agents["freezes"].pid
    # The agent first: so that nothing of it begins meanwhile.
    began, ended = stop([stopped, frozen], dice, then=lambda: children(frozen))
    # The children of an agent are its tasks, and the process that has its connection.
    return [Stop(cluster.agent_id("freezes"), began, ended)]


def stop_link(cluster, dice, broken):
    """-> seconds until the agent had another"""
    runner = cluster.agents["third"].pid
    link = link_of(runner)
    began = time.monotonic()
    send([link], signal.SIGSTOP)
    until = began + dice.uniform(*STOP_SECONDS)
    replaced = None
    while time.monotonic() < until:
        if replaced is None and link_of(runner) not in (None, link):
            replaced = time.monotonic() - began
        time.sleep(0.01)
    send([link], signal.SIGCONT)
    if replaced is None:
        broken.say("a stopped link was not replaced")
    return replaced or STOP_SECONDS[1]


def ended_by_links(cluster):
    """-> how often the link of the agent whose runner is stopped has ended tasks"""
    return (cluster.folder / "agent-stops.log").read_text(errors="replace").count("processes whose lease is over")


def check_nothing_lost(whole, broken):
    lost = [(name, a["agent"], a["executorLog"]) for name, list_ in whole["taskAttempts"].items() for a in list_ if a["state"] == "LOST"]
    if lost:
        broken.say("a stopped link cost attempts", f"{lost}")


def children(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def stop(pids, dice, then=list):
    """Stops them, and what `then` names once they stand; -> when they stood and went on, by CLOCK_BOOTTIME"""
    began = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    send(pids, signal.SIGSTOP)
    more = then()
    send(more, signal.SIGSTOP)
    try:
        time.sleep(dice.uniform(*STOP_SECONDS))
    finally:
        send([*pids, *more], signal.SIGCONT)
    return began, time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
