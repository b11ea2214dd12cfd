"""What is promised, checked: the tasks' own records against what the coordinator tells.

Each check gives the broken promises in words, none where all hold.
"""
import collections

# What is listed of each kind of fault, and counted beyond; and how much of each is shown.
SHOWN = 5
SHOWN_CHARACTERS = 600


class Broken:
    """Broken promises, grouped by kind."""

    def __init__(self):
        self.words = collections.defaultdict(list)

    def __bool__(self):
        return bool(self.words)

    def say(self, kind, detail=""):
        self.words[kind].append(detail if len(detail) <= SHOWN_CHARACTERS else detail[:SHOWN_CHARACTERS] + " …")

    def tell(self):
        for kind, details in self.words.items():
            print(f"broken: {kind}" + (f", {len(details)} times" if len(details) > 1 else ""))
            for detail in details[:SHOWN]:
                if detail:
                    print(f"    {detail}")


def check_records(records, broken, may_overlap=lambda record, other: False):
    """What the records say by themselves. `may_overlap(record, other)`: whether nobody promised that this attempt would not begin while
    that one (its start) was alive."""
    starts = {}
    for record in records:
        if record.what == "start":
            if record.fence in starts:
                broken.say("an attempt was started twice", f"{record}")
            starts[record.fence] = record
        elif record.what == "overlap":
            other = starts.get(record.number)
            if other is None or not may_overlap(record, other):
                broken.say("two attempts of a task were alive together", f"{record} beside {other}")


def check_run(load, run, whole, records, broken, exact):
    """`whole`: the answer to GET /v1/dagrun/N?logs=full once the run has ended. `exact`: no attempt was lost, so there is none that the
    load did not ask for."""
    if whole["state"] != load.state:
        broken.say("a run did not end as it must", f"run {run} is {whole['state']} and not {load.state}")
    missing = load.tasks.keys() ^ whole["taskStates"].keys()
    if missing:
        broken.say("tasks are missing or made up", f"run {run}: {sorted(missing)[:10]}")
    own = collections.defaultdict(list)
    for record in records:
        if record.run == run:
            own[record.task].append(record)
    for name, expected in load.tasks.items():
        attempts = whole["taskAttempts"].get(name, [])
        try:
            check_task(f"run {run}, {name}", expected, whole["taskStates"].get(name), attempts, own[name], broken, exact)
        except (KeyError, ValueError) as error:
            broken.say("an answer is not as it must be", f"run {run}, {name}: {error!r} in {attempts}")
    check_order(load, run, whole, own, broken)


def check_task(name, expected, state, attempts, records, broken, exact):
    told = [(a["attempt"], a["state"], a["rc"], a["agent"], a["executorLog"]) for a in attempts]
    if state != expected.state:
        broken.say("a task is not in the state that it must be in", f"{name} is {state} and not {expected.state}: {told}")
    if [a["attempt"] for a in attempts] != list(range(1, len(attempts) + 1)):
        broken.say("attempts are not numbered 1, 2, 3, …", f"{name}: {told}")
    fences = [int(a["fence"]) for a in attempts]
    if fences != sorted(set(fences)):
        broken.say("fences do not grow", f"{name}: {fences}")
    accepted = [a for a in attempts if a["state"] == "COMPLETED"]
    if len(accepted) != (expected.state == "COMPLETED"):
        broken.say("not exactly one attempt was accepted", f"{name}: {told}")
    for attempt in accepted:
        if attempt["outputLog"] != expected.output:
            broken.say("a log is not what was printed", f"{name}: {difference(attempt['outputLog'], expected.output)}: {told}")
    ends = {r.fence: r for r in records if r.what == "end"}
    for attempt in attempts:
        end = ends.get(int(attempt["fence"]))
        if attempt["state"] in ("COMPLETED", "FAILED") and (end is None or end.number != attempt["rc"]):
            broken.say("an attempt's end is not the one that it had", f"{name}: {attempt} and {end}")
    if exact:
        started = sorted(r.fence for r in records if r.what == "start")
        if len(attempts) != expected.attempts:
            broken.say("there are more or fewer attempts than were asked for", f"{name} has {told}")
        if started != fences:
            broken.say("other attempts ran than are told of", f"{name}: {started} ran, told are {fences}")
    elif any(r.what == "end" and r.number == 0 for r in records) and state != "COMPLETED":
        broken.say("a task finished, and its result is lost", f"{name}: {told}")


def difference(log, printed):
    """Where they part, in words."""
    at = next((at for at, (one, other) in enumerate(zip(log, printed)) if one != other), min(len(log), len(printed)))
    return f"{len(log)} characters, {len(printed)} printed; at {at} it reads {log[at:at + 80]!r} and not {printed[at:at + 80]!r}"


def check_order(load, run, whole, records, broken):
    """Parents before children, by the tasks' own records and by the times that are shown."""
    attempts = whole["taskAttempts"]
    for parents, children in load.edges:
        ended, stopped = 0, 0
        for parent in parents:
            accepted = {int(a["fence"]) for a in attempts.get(parent, []) if a["state"] == "COMPLETED"}
            ended = max([ended, *(r.at for r in records[parent] if r.what == "end" and r.fence in accepted)])
            stopped = max([stopped, *(int(a["stopTime"]) for a in attempts.get(parent, []) if a["state"] == "COMPLETED")])
        for child in children:
            for record in records[child]:
                if record.what == "start" and record.at < ended:
                    broken.say("a child started before a parent had ended", f"run {run}, {child} after {parents[0]} …: {record}")
            for attempt in attempts.get(child, []):
                if int(attempt["startTime"]) < stopped:
                    broken.say("a child is shown before its parent", f"run {run}, {child}: {attempt['startTime']} before {stopped}")
    for name, list_ in attempts.items():
        for attempt in list_:
            if attempt["state"] != "LOST" and int(attempt["stopTime"]) < int(attempt["startTime"]):
                broken.say("an attempt is shown to stop before it starts", f"run {run}, {name}: {attempt}")
    times = [int(change["time"]) for change in whole["dagStateChanges"]]
    if times != sorted(times):
        broken.say("the times of a run's states go back", f"run {run}: {whole['dagStateChanges']}")


def late(whole_runs, records):
    """-> the records of ends with exit code 0 whose attempts are told as LOST: their results came when others had their tasks"""
    lost = {int(a["fence"]) for whole in whole_runs for list_ in whole["taskAttempts"].values() for a in list_ if a["state"] == "LOST"}
    return [r for r in records if r.what == "end" and r.number == 0 and r.fence in lost]
