"""A coordinator and its agents on loopback, for scripts: real programs, free ports, a folder of their own.

    with Cluster(programs) as cluster:
        cluster.start_coordinator()
        cluster.start_agent("anna", cores=2)
        run = cluster.submit({"tasks": {...}})
        cluster.wait(run)

Everything it started has ended, and its folder is gone, when the block is left.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FINAL = {"COMPLETED", "ERRORED", "KILLED"}
# Far above what a loaded machine needs: they only bound a failure's time.
START_SECONDS = 60
STOP_SECONDS = 30


def build(configuration="release", condition=None):
    """Builds the programs and gives the folder that holds them. `condition`: compiled in, in a build folder of its own."""
    swift = shutil.which("swift") or "/opt/swift/usr/bin/swift"
    command = [swift, "build", "-c", configuration, "--package-path", str(ROOT)]
    if condition:
        command += ["--scratch-path", str(ROOT / ".build" / condition.lower()), "-Xswiftc", f"-DCARAVAN_{condition}"]
    for product in ("caravan-coordinator", "caravan-agent"):
        subprocess.run([*command, "--product", product], check=True, stdout=subprocess.DEVNULL)
    shown = subprocess.run([*command, "--show-bin-path"], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(shown.stdout.strip())


def end(processes):
    for process in processes:
        if process.poll() is None:
            process.terminate()
            # A stopped one takes the signal when it goes on.
            process.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Refused(Exception):
    def __init__(self, status, answer):
        super().__init__(f"answered {status}: {answer}")
        self.status = status
        self.answer = answer


class Connection(http.client.HTTPConnection):
    """A socket stays in the namespace that it was made in: so making it is all that happens there."""

    def __init__(self, place, *arguments, **members):
        super().__init__(*arguments, **members)
        self.place = place

    def connect(self):
        with self.place.entered() if self.place else contextlib.nullcontext():
            super().connect()


class Cluster:
    def __init__(self, programs, lease_seconds=None, place=None):
        """`place`: where the coordinator is, if not here (a Namespace of namespaces.py)."""
        self.programs = pathlib.Path(programs)
        self.lease_seconds = lease_seconds
        self.place = place

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="caravan-"))
        self.work = self.folder / "work"
        self.work.mkdir()
        self.data = self.folder / "coordinator"
        self.coordinator = None
        self.agents = {}
        self.ports = {"http": "127.0.0.1:0", "agents": "127.0.0.1:0"}
        # Further flags of the coordinator, and what it is started by.
        self.flags, self.coordinator_prefix = [], []
        self.connection = None
        return self

    def __exit__(self, kind, value, trace):
        if kind not in (None, KeyboardInterrupt):
            for log in sorted(self.folder.glob("*.log")):
                print(f"---- {log.name}, its end\n{log.read_text(errors='replace')[-2000:]}")
        # From here on it is not interrupted: nothing is to be left.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        # Agents first: they end their tasks.
        end(self.agents.values())
        end([self.coordinator] if self.coordinator else [])
        shutil.rmtree(self.folder, ignore_errors=True)
        for number, handler in before.items():
            signal.signal(number, handler)

    def _start(self, program, arguments, log, environment, place, prefix=()):
        with open(self.folder / log, "ab") as output:
            # A session of its own: Ctrl-C is for the script, which ends them in their order.
            return subprocess.Popen([*prefix, *(place.prefix if place else []), self.programs / program, *map(str, arguments)],
                                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                                    env={**os.environ, **(environment or {})})

    def start_coordinator(self, environment=None):
        """On free ports at first, on the same ones afterwards; returns the seconds until it serves. `environment`: on top of ours."""
        self.launch_coordinator(environment)
        while not self.serves():
            if self.coordinator.poll() is not None or time.monotonic() - self.launched > START_SECONDS:
                raise RuntimeError("the coordinator did not start")
            time.sleep(0.005)
        return time.monotonic() - self.launched

    def serves(self):
        """Whether the coordinator that was started last has come so far that it serves."""
        try:
            endpoints = json.loads((self.data / "endpoints.json").read_text())
            # A killed coordinator leaves its file behind.
            if endpoints["pid"] != self.coordinator.pid:
                return False
            self.ports = {"http": endpoints["http"], "agents": endpoints["agents"]}
            self.token = (self.data / "admin.token").read_text().strip()
            return self.call("GET", "/ready")[0] == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False

    def launch_coordinator(self, environment=None):
        """Starts it, and waits for nothing."""
        arguments = ["--data-dir", self.data, "--listen", self.ports["http"], "--agent-listen", self.ports["agents"]]
        if self.lease_seconds:
            arguments += ["--lease-seconds", self.lease_seconds]
        arguments += self.flags
        self.launched = time.monotonic()
        self.coordinator = self._start("caravan-coordinator", arguments, "coordinator.log", environment, self.place,
                                       self.coordinator_prefix)

    def start_agent(self, name, cores, memory_mb=1000, environment=None, place=None, dials=None, flags=()):
        """`place`: where it is, if not here; `dials`: the coordinator's address as seen from there; `flags`: further ones."""
        self.launch_agent(name, cores, memory_mb, environment, place, dials, flags)
        began = time.monotonic()
        while self.agent_states().get(name) != "ACTIVE":
            if self.agents[name].poll() is not None or time.monotonic() - began > START_SECONDS:
                raise RuntimeError(f"agent {name} did not start")
            time.sleep(0.02)

    def launch_agent(self, name, cores, memory_mb=1000, environment=None, place=None, dials=None, flags=()):
        """Starts it, and waits for nothing."""
        arguments = ["--coordinator", dials or self.ports["agents"], "--data-dir", self.folder / f"agent-{name}", "--name", name,
                     "--cores", cores, "--memory-mb", memory_mb, "--token-file", self.data / "agent.token", "--work-dir", self.work, *flags]
        if os.geteuid() == 0:
            arguments.append("--allow-root")
        self.agents[name] = self._start("caravan-agent", arguments, f"agent-{name}.log", environment, place)

    def agent_states(self):
        """-> name: state"""
        return {agent["name"]: agent["state"] for agent in self.get("/v1/agents")}

    def agent_id(self, name):
        """What the agent's tasks find in CARAVAN_AGENT, before the number of its start."""
        return (self.folder / f"agent-{name}" / "id").read_text().strip()

    def end_coordinator(self, by=signal.SIGKILL):
        """-> its exit code"""
        self.coordinator.send_signal(by)
        return self.coordinator.wait(STOP_SECONDS)

    def call(self, method, path, body=None):
        """-> (status, the JSON or the bytes of the answer). One connection is kept, and opened again where it broke."""
        for again in (True, False):
            if self.connection is None or f"{self.connection.host}:{self.connection.port}" != self.ports["http"]:
                self.connection = self._connection()
            try:
                return self._ask(self.connection, method, path, body)
            except (OSError, http.client.HTTPException):
                self.connection.close()
                self.connection = None
                # Only what changes nothing is asked a second time.
                if not again or method != "GET":
                    raise

    def _connection(self):
        host, port = self.ports["http"].rsplit(":", 1)
        return Connection(self.place, host, int(port), timeout=60)

    def _ask(self, connection, method, path, body):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if "json" in (answer.getheader("Content-Type") or "") else text

    def get(self, path):
        status, answer = self.call("GET", path)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {answer}")
        return answer

    def submit(self, document):
        """On a connection of its own, so that any thread may."""
        with contextlib.closing(self._connection()) as connection:
            status, answer = self._ask(connection, "POST", "/v1/dagrun", document)
        if status != 200:
            raise Refused(status, answer)
        return answer["runID"]

    def wait(self, run, seconds=600, every=0.01):
        """Waits for a final state and gives it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = self.get(f"/v1/dagrun/{run}/state")["state"]
            if state in FINAL:
                return state
            time.sleep(every)
        raise RuntimeError(f"run {run} is still {state} after {seconds} s")
