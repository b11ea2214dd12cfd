"""The rows of the table, and what most of them are made of."""
from .bench import job

ROWS = []


def row(name, goal, holds):
    """`goal` in words; `holds(value)`: whether it is met. The measure gives the value, words beside it, and whether what else the
    goal says holds."""
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


def layered(layers, width, command):
    """The same in layers, each all to all with the one before."""
    document = alike(width, command)
    layer = document["tasks"]["t"]
    document["tasks"] = {f"l{n}": {**layer, **({"parents": [f"l{n - 1}"]} if n else {})} for n in range(layers)}
    return document
