"""A DAG with tasks of all kinds, and what must become of each, whatever happens to the programs meanwhile."""
import json
from typing import NamedTuple

from .witness import printed


class Expected(NamedTuple):
    state: str
    # Attempts where nothing is lost.
    attempts: int
    # What its last attempt prints.
    output: str = ""


class Load:
    """
    document   to submit
    state      of the run in the end
    tasks      name → Expected
    edges      (names of parents, names of children): each child waits for all of those parents
    """

    def __init__(self, witness, tag, scale, milliseconds, long=(0, 0)):
        """`scale`: so many tasks, or the few more that there is one of each kind; `milliseconds`: (least, most) of each; `long`: how many
        come first that take so many milliseconds; with them go some that are short but for a few of that length, so that short ones
        wait at agents, beside slots and behind a long one."""
        self.tasks, self.edges, self.state = {}, [], "COMPLETED"
        self.document = {"tag": tag, "parameters": {}, "tasks": {}}
        self._job = lambda *words: witness.job("--ms", *milliseconds, *words)
        tenth = max(1, scale // 10)
        links = min(20, tenth)

        if long[0]:
            self._family("long", long[0], "--ms", long[1], long[1])
            self._family("moody", 8 * long[0], "--ms", 1, 20, "--rare", 8, long[1])
        left = self._family("left", tenth)
        right = self._family("right", tenth)
        self._edge("left", left, "right", right)
        self._chain(links)
        self._edge("left_0", left[:1], "chain0", ["chain0"])
        talk = self._family("talk", tenth, "--print", 40_000, output=40_000)
        self._edge("right", right, "talk", talk)
        self._family("flaky", tenth, "--fail", 2, "--leave", attempts=3, maxRetries=2)
        self._family("later", max(1, tenth // 4), "--fail", 1, attempts=2, maxRetries=1, retryIntervalSeconds=1)
        self._family("stubborn", tenth, "--stubborn")
        self._generator(tenth)
        self._task("last", "--print", 640, output=640)
        self._edge("talk", talk, "last", ["last"])
        self._family("wide", max(1, scale - len(self.tasks)))

    def doom(self, count):
        """Adds tasks that fail for good, and one that waits for them in vain: the run ends ERRORED."""
        doomed = self._family("doomed", count, "--fail", 1000, attempts=2, maxRetries=1, state="ERRORED")
        self._task("waits", attempts=0, state="QUEUED")
        self._edge("doomed", doomed, "waits", ["waits"])
        self.state = "ERRORED"
        return self

    @property
    def attempts(self):
        return sum(task.attempts for task in self.tasks.values())

    def _family(self, name, count, *words, attempts=1, state="COMPLETED", output=0, **members):
        parameter = name.upper()
        self.document["parameters"][parameter] = [str(number) for number in range(count)]
        self.document["tasks"][name] = {"job": self._job(*words, "{{" + parameter + "}}"), **members}
        names = [f"{name}_{number}" for number in range(count)]
        for each in names:
            self.tasks[each] = Expected(state, attempts, printed(each, output))
        return names

    def _task(self, name, *words, attempts=1, state="COMPLETED", output=0):
        self.document["tasks"][name] = {"job": self._job(*words)}
        self.tasks[name] = Expected(state, attempts, printed(name, output))

    def _chain(self, length):
        for link in range(length):
            self._task(f"chain{link}")
            if link > 0:
                self._edge(f"chain{link - 1}", [f"chain{link - 1}"], f"chain{link}", [f"chain{link}"])

    def _generator(self, count):
        self.document["parameters"]["MADE"] = [str(number) for number in range(count)]
        text = json.dumps({"made": {"job": self._job("{{MADE}}")}})
        # Two braces would be taken for a parameter already in the generator's own words.
        self.document["tasks"]["maker"] = {"job": self._job("--say", text.replace("{{", "\\{{")), "isGenerator": True}
        self.tasks["maker"] = Expected("COMPLETED", 1, text)
        made = [f"made_{number}" for number in range(count)]
        for each in made:
            self.tasks[each] = Expected("COMPLETED", 1)
        self._task("collects")
        self._edge("maker", ["maker", *made], "collects", ["collects"])
        self.edges.append((["maker"], made))

    def _edge(self, parent, parents, child, children):
        self.document["tasks"][child].setdefault("parents", []).append(parent)
        self.edges.append((parents, children))
