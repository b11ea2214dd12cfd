"""Each fault that promises.py looks for is found in a history that has it, and none in one that has none."""
import copy
import types
import unittest

from torture.load import Expected
from torture.promises import Broken, check_records, check_run
from torture.witness import Record

LOAD = types.SimpleNamespace(
    state="COMPLETED", edges=[(["first"], ["second"])],
    tasks={"first": Expected("COMPLETED", 1, "said\n"), "second": Expected("COMPLETED", 2)})
RECORDS = [
    Record("start", 0, "first", 1, 1, "anna", 1, 100, 0), Record("end", 0, "first", 1, 1, "anna", 1, 110, 0),
    Record("start", 0, "second", 1, 2, "anna", 1, 120, 0), Record("end", 0, "second", 1, 2, "anna", 1, 130, 3),
    Record("start", 0, "second", 2, 3, "anna", 1, 140, 0), Record("end", 0, "second", 2, 3, "anna", 1, 150, 0)]


def attempt(number, fence, state, start, rc=0, log=""):
    return {"attempt": number, "fence": str(fence), "state": state, "rc": rc, "agent": "anna", "executorLog": "", "outputLog": log,
            "startTime": str(start), "stopTime": str(start + 10)}


ANSWER = {
    "state": "COMPLETED", "taskStates": {"first": "COMPLETED", "second": "COMPLETED"},
    "taskAttempts": {"first": [attempt(1, 1, "COMPLETED", 100, log="said\n")],
                     "second": [attempt(1, 2, "FAILED", 120, rc=3), attempt(2, 3, "COMPLETED", 140)]},
    "dagStateChanges": [{"time": "90", "state": "QUEUED"}, {"time": "100", "state": "RUNNING"}, {"time": "150", "state": "COMPLETED"}]}


class Promises(unittest.TestCase):
    def found(self, change=lambda answer, records: None, exact=True):
        answer, records, broken = copy.deepcopy(ANSWER), list(RECORDS), Broken()
        change(answer, records)
        check_records(records, broken)
        check_run(LOAD, 0, answer, records, broken, exact)
        return set(broken.words)

    def test_a_good_history_is_good(self):
        self.assertEqual(self.found(), set())
        self.assertEqual(self.found(exact=False), set())

    def test_faults_of_records(self):
        self.assertIn("an attempt was started twice", self.found(lambda a, r: r.append(r[0])))
        self.assertIn("two attempts of a task were alive together", self.found(lambda a, r: r.append(r[0]._replace(what="overlap"))))
        self.assertIn("other attempts ran than are told of", self.found(lambda a, r: r.append(r[0]._replace(fence=9))))
        self.assertIn("an attempt's end is not the one that it had", self.found(lambda a, r: r.pop(1), exact=False))
        self.assertIn("a child started before a parent had ended",
                      self.found(lambda a, r: r.__setitem__(2, r[2]._replace(at=105))))

    def test_faults_of_tasks(self):
        def lost(answer, records):
            answer["taskStates"]["first"] = "ERRORED"
            answer["taskAttempts"]["first"][0]["state"] = "LOST"
        self.assertIn("a task is not in the state that it must be in", self.found(lost))
        self.assertIn("a task finished, and its result is lost", self.found(lost, exact=False))
        self.assertIn("tasks are missing or made up", self.found(lambda a, r: a["taskStates"].pop("first")))
        self.assertIn("a run did not end as it must", self.found(lambda a, r: a.update(state="RUNNING")))

    def test_faults_of_attempts(self):
        def change(task, index, **members):
            return lambda answer, records: answer["taskAttempts"][task][index].update(members)
        self.assertIn("not exactly one attempt was accepted", self.found(change("second", 0, state="COMPLETED")))
        self.assertIn("an attempt's end is not the one that it had", self.found(change("second", 0, rc=4)))
        self.assertIn("fences do not grow", self.found(change("second", 0, fence="3")))
        self.assertIn("attempts are not numbered 1, 2, 3, …", self.found(change("second", 0, attempt=2)))
        self.assertIn("a log is not what was printed", self.found(change("first", 0, outputLog="said\nsaid\n")))
        self.assertIn("there are more or fewer attempts than were asked for",
                      self.found(lambda a, r: a["taskAttempts"]["second"].pop(0)))

    def test_faults_of_times(self):
        self.assertIn("a child is shown before its parent",
                      self.found(lambda a, r: a["taskAttempts"]["second"][0].update(startTime="105")))
        self.assertIn("an attempt is shown to stop before it starts",
                      self.found(lambda a, r: a["taskAttempts"]["first"][0].update(stopTime="99")))
        self.assertIn("the times of a run's states go back", self.found(lambda a, r: a["dagStateChanges"][2].update(time="95")))


if __name__ == "__main__":
    unittest.main()
