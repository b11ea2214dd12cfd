"""Tasks that keep their own record: witness.c, compiled into a campaign's folder, and what it wrote."""
import pathlib
import shutil
import subprocess
from typing import NamedTuple

SOURCE = pathlib.Path(__file__).with_name("witness.c")
TIME_LIMIT_SECONDS = 600


class Record(NamedTuple):
    """One line of witness.c's. `agent` is what the agent's data directory calls itself, `life` the number of its start; `at` is CLOCK_BOOTTIME; `number` is an end's exit
    code, and where two overlap the fence of the other one."""
    what: str
    run: int
    task: str
    attempt: int
    fence: int
    agent: str
    life: int
    at: int
    number: int


def compile_c(source, program, *flags):
    # Swift's own compiler: a toolchain is there, another may not be.
    swift = shutil.which("swift") or "/opt/swift/usr/bin/swift"
    compiler = shutil.which("clang", path=str(pathlib.Path(swift).resolve().parent)) or shutil.which("cc") or "clang"
    subprocess.run([compiler, "-O1", "-Wall", "-Wextra", "-Werror", *flags, "-o", program, source], check=True)


class Witness:
    def __init__(self, folder):
        """`folder`: on a file system that the tasks of all agents see."""
        self.program = folder / "witness"
        self.records = folder / "records"
        self.locks = folder / "locks"
        self.locks.mkdir()
        compile_c(SOURCE, self.program)
        self._starts = self._read = 0

    def job(self, *words):
        """A job that is a witness; `words` as in witness.c. Its time limit is one that it never comes near."""
        command = [self.program, self.records, self.locks, *words]
        return {"command": list(map(str, command)), "memoryMB": 10, "timeoutSeconds": TIME_LIMIT_SECONDS}

    def starts(self):
        """How many attempts have begun. Reads on from where it was."""
        if self.records.exists():
            with open(self.records, "rb") as file:
                file.seek(self._read)
                new = file.read()
            whole = new[:new.rfind(b"\n") + 1]
            self._read += len(whole)
            self._starts += sum(line.startswith(b"start ") for line in whole.splitlines())
        return self._starts

    def read(self):
        """-> all records, in the order in which things happened."""
        if not self.records.exists():
            return []
        lines = (line.split() for line in self.records.read_text().splitlines())
        return [Record(w, int(r), t, int(a), int(f), *whose(g), int(at), int(n)) for w, r, t, a, f, g, at, n in lines]


def whose(mark):
    """CARAVAN_AGENT, taken apart."""
    agent, _, life = mark.partition(".")
    return agent, int(life)


def printed(task, size):
    """What `--print SIZE` prints."""
    return "".join(f"{task[:50]:<50} {at:012d}\n" for at in range(0, size, 64))
