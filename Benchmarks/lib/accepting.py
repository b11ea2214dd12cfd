"""Large runs: how fast they are taken, durably, and what they take of the coordinator's memory."""
import json
import time

from . import processes
from .bench import grid, job, median
from .table import row


@row("array: 1,000,000 tasks accepted", "<= 0.1 s, + <= 15 MB", lambda v: v <= 0.1)
def array(bench):
    return accepted(bench, grid(1_000_000), 15)


@row("named: 100,000 tasks, 100,000 edges accepted", "<= 0.5 s, + <= 60 MB", lambda v: v <= 0.5)
def named(bench):
    return accepted(bench, singles(bench.scaled(100_000)), 60)


def singles(count):
    """So many tasks with a name of their own, each but the first with a parent."""
    return {"tasks": {f"task-{i}": job("/bin/true", str(i), parents=[f"task-{i - 1}"] if i % 100 else ["task-0"] if i else [])
                      for i in range(count)}}



@row("layer: 1000 x 1000, all to all, accepted", "<= 0.2 s, + <= 15 MB", lambda v: v <= 0.2)
def layer(bench):
    return accepted(bench, layers(), 15)


def layers():
    """A million edges, all of them between two families."""
    return {"parameters": {"I": [str(i) for i in range(1000)]}, "tasks": {
        "a": job("/bin/true", "{{I}}"), "b": job("/bin/true", "{{I}}", parents=["a"])}}


def accepted(bench, document, megabytes):
    found, grown = [], []
    body = json.dumps(document)
    for _ in range(bench.rounds):
        with bench.cluster(agent=False) as cluster:
            before = processes.resident_mb(cluster.coordinator.pid)
            _, seconds = cluster.accept(document)
            found.append(seconds - encoding(body, document))
            grown.append(processes.resident_mb(cluster.coordinator.pid) - before)
    return median(found), f"s, + {median(grown):.0f} MB of memory, a document of {len(body) / 1e6:.1f} MB", median(grown) <= megabytes


def encoding(body, document):
    """What the client itself needs to write the document down, which is not the coordinator's."""
    began = time.monotonic()
    json.dumps(document)
    return time.monotonic() - began
