"""One peer, started and driven: run by the peers' own Python, in namespaces of its own (peers.py).

    peer_driver.py hyperqueue|parsl|dask FOLDER SLOTS

Every line it reads is a piece of work as JSON, {"layers", "width", "command", "logs"}: so many layers of so many tasks that all run the
command, each layer after all of the one before; with `logs`, what task I prints lands in the file I of that folder. Every
line it writes is the answer, {"seconds"} from the first call to submit until the end of all is known, or {"error"}. It ends with its input.
"""
import contextlib
import itertools
import json
import os
import pathlib
import socket
import subprocess
import sys
import time


def run(command, log=None, inputs=()):
    """A task of Parsl and Dask, whose tasks are Python -> the exit code."""
    # It is run where this file's imports are not.
    import subprocess
    if log is None:
        return subprocess.run(command).returncode
    with open(log, "wb") as file:
        return subprocess.run(command, stdout=file).returncode


class HyperQueue:
    """Its package holds no `hq`, but server and worker as threads of this process."""

    def __init__(self, folder, slots):
        from hyperqueue.cluster import LocalCluster, WorkerConfig
        self.folder = folder
        self.cluster = LocalCluster(folder, WorkerConfig(cores=slots))
        self.client = self.cluster.client()

    def work(self, layers, width, command, logs):
        from hyperqueue import Job
        count, numbers, before = layers * width, itertools.count(), []
        began = time.monotonic()
        job = Job(default_workdir=self.folder)
        for _ in range(layers):
            before = [job.program(command, stdout=logs and f"{logs}/{next(numbers)}", stderr=None, deps=before) for _ in range(width)]
        submitted = self.client.submit(job)
        # Who asks takes processor time from the work.
        status = self.wait(submitted, 0.0005 if count == 1 else 0.01)
        seconds = time.monotonic() - began
        if (status["finished"], status["failed"]) != (count, 0):
            raise RuntimeError(f"{status['finished']} of {count} tasks finished, {status['failed']} failed")
        self.client.forget(submitted)
        return seconds

    def wait(self, job, every):
        """Its own wait looks once a second, and leaves by what its callback raises: so it is let look once, again and again."""
        while True:
            seen = []

            def look(jobs):
                seen.extend(jobs.values())
                if not seen[0]["completed"]:
                    raise TimeoutError

            try:
                self.client.connection.wait_for_jobs((job.id,), look)
                return seen[0]
            except TimeoutError:
                time.sleep(every)

    def stop(self):
        self.cluster.stop()


class Parsl:
    def __init__(self, folder, slots):
        import parsl
        from parsl.executors import HighThroughputExecutor
        from parsl.providers import LocalProvider
        # Its workers' program is looked for there.
        os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
        executor = HighThroughputExecutor(address="127.0.0.1", max_workers_per_node=slots, cores_per_worker=1e-6, prefetch_capacity=100,
                                          encrypted=False, provider=LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1))
        self.kernel = parsl.load(parsl.Config(executors=[executor], run_dir=folder, strategy="none", initialize_logging=False))
        self.task = parsl.python_app(run)

    def work(self, layers, width, command, logs):
        numbers, before, all_tasks = itertools.count(), [], []
        began = time.monotonic()
        for _ in range(layers):
            before = [self.task(command, logs and f"{logs}/{next(numbers)}", inputs=before) for _ in range(width)]
            all_tasks += before
        codes = [task.result() for task in all_tasks]
        seconds = time.monotonic() - began
        check(codes, layers * width)
        return seconds

    def stop(self):
        self.kernel.cleanup()


class Dask:
    def __init__(self, folder, slots):
        import dask
        from distributed import Client, LocalCluster
        dask.config.set({"temporary-directory": folder})
        self.cluster = LocalCluster(n_workers=slots, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None)
        self.client = Client(self.cluster)

    def work(self, layers, width, command, logs):
        numbers, before, all_tasks = itertools.count(), [], []
        began = time.monotonic()
        for _ in range(layers):
            files = [logs and f"{logs}/{next(numbers)}" for _ in range(width)]
            before = self.client.map(run, [command] * width, files, inputs=before, pure=False)
            all_tasks += before
        codes = self.client.gather(all_tasks)
        seconds = time.monotonic() - began
        check(codes, layers * width)
        return seconds

    def stop(self):
        self.client.close()
        self.cluster.close()


def check(codes, count):
    if codes != [0] * count:
        raise RuntimeError(f"{codes.count(0)} of {count} tasks ended with 0")


def main():
    kind, folder, slots = sys.argv[1], sys.argv[2], int(sys.argv[3])
    # In a network of its own, in which there is loopback only, and under a name that is there too.
    socket.sethostname("localhost")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # What a peer prints is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**members):
        print(json.dumps(members), file=answers, flush=True)

    try:
        peer = {"hyperqueue": HyperQueue, "parsl": Parsl, "dask": Dask}[kind](folder, slots)
        answer(seconds=0)
        for line in sys.stdin:
            answer(seconds=peer.work(**json.loads(line)))
    except Exception as error:
        answer(error=f"{type(error).__name__}: {error}")
        raise
    with contextlib.suppress(Exception):
        peer.stop()


if __name__ == "__main__":
    main()
