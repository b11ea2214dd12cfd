"""A database that has grown."""
import contextlib
import sqlite3
import signal

from .accepting import layers, singles
from .bench import grid, median
from .table import alike, row


def finish(cluster, count):
    """A run of so many tasks, by agents that make no processes."""
    cluster.start_crowd(50, 64)
    run, _ = cluster.completed(grid(count))
    cluster.end_crowd()
    return run


@row("restart: 10,000,000 attempts finished, 1,102,000 tasks open", "<= 0.5 s", lambda v: v <= 0.5)
def restart(bench):
    count = bench.scaled(1_000_000)
    with bench.cluster(agent=False) as cluster:
        run = finish(cluster, count)
        for document in (grid(count), singles(bench.scaled(100_000)), layers()):
            cluster.submit(document)
        cluster.end_coordinator(signal.SIGTERM)
        copy(cluster.data / "state.db", run, 9)
        cluster.start_coordinator()
        found = []
        for _ in range(bench.rounds):
            cluster.end_coordinator()
            found.append(cluster.start_coordinator())
        size = (cluster.data / "state.db").stat().st_size
        return median(found), f"s after kill -9, {size / 1e6:.0f} MB of state"


def copy(path, run, times):
    """The finished run, so many times more: what a run leaves does not depend on when it ran."""
    tables = {"run": "id", "run_state_change": "run", "attempt": "run", "chunk": "id", "document": "id"}
    with contextlib.closing(sqlite3.connect(path)) as database:
        first = database.execute("SELECT next_run FROM meta").fetchone()[0]
        for table, key in tables.items():
            columns = [name for _, name, _, _, _, _ in database.execute(f"PRAGMA table_info({table})")]
            places = 1 << 20 if table in ("chunk", "document") else 1
            for number in range(first, first + times):
                chosen = ", ".join(f"{key} + {(number - run) * places}" if name == key else name for name in columns)
                database.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} "
                                 f"WHERE {key} >= {run * places} AND {key} < {(run + 1) * places}")
        database.execute("UPDATE meta SET next_run = ?", (first + times,))
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@row("grown: 1,000,000 tasks finished before", ">= 0.95 of an empty database", lambda v: v >= 0.95)
def grown(bench):
    document = alike(bench.scaled(10_000), ["/bin/true"])
    found = []
    with bench.cluster(agent=False) as full, bench.cluster() as empty:
        finish(full, bench.scaled(1_000_000))
        full.start_bench_agent()
        for number in range(2 * bench.rounds):
            # In turn first, as what ran before may help or harm.
            pair = (full, empty) if number % 2 else (empty, full)
            seconds = {cluster: cluster.completed(document)[1] for cluster in pair}
            found.append(seconds[empty] / seconds[full])
    return median(found), f"of {2 * bench.rounds} pairs from {min(found):.2f} to {max(found):.2f}"
