/// The tables of `state.db`.
///
/// - No table of families or tasks: a run's names, counts and jobs come from its documents, read again
///   (docs/adr/). Accepting 100,000 named tasks writes their document and 25 chunks, not 100,000 rows.
/// - `chunk` and `document` are keyed by one integer, run × 2²⁰ + place: a row of a table with a rowid may
///   fill its page (4,000 state bytes are one page), one of a table without may fill a quarter of it.
/// - `attempt` is the large one: without a rowid it is one b-tree, and what is mostly nothing (words, peak,
///   output, a return code of 0) costs its header's byte. A stop is kept as its distance from the start.
/// - The numbers of states are those of `RunState`, `TaskState`, `AttemptState` and `AgentState`.
extension Schema {
  static let state = Schema(
    name: "state.db", applicationID: 0x4361_7261,
    steps: [stateVersion1, stateVersion2, stateVersion3, stateVersion4],
    countsCommitsFrom: 3)

  /// Places of a run in the keys of `chunk` and `document`.
  static let placesInRun: Int64 = 1 << 20
}

private let stateVersion1 = """
  CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- How often a coordinator was started on this file.
    epoch INTEGER NOT NULL CHECK (epoch >= 0),
    -- Never given twice, also when runs are deleted.
    next_run INTEGER NOT NULL CHECK (next_run >= 0)
  ) STRICT;
  INSERT INTO meta VALUES (1, 0, 0);

  CREATE TABLE run (
    id INTEGER PRIMARY KEY CHECK (id >= 0),
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    tag TEXT NOT NULL,
    labels TEXT NOT NULL CHECK (json_type(labels) = 'object'),
    task_count INTEGER NOT NULL CHECK (task_count >= 0),
    queued INTEGER NOT NULL CHECK (queued >= 0),
    running INTEGER NOT NULL CHECK (running >= 0),
    retry INTEGER NOT NULL CHECK (retry >= 0),
    completed INTEGER NOT NULL CHECK (completed >= 0),
    errored INTEGER NOT NULL CHECK (errored >= 0),
    killed INTEGER NOT NULL CHECK (killed >= 0),
    skipped INTEGER NOT NULL CHECK (skipped >= 0),
    is_kill_requested INTEGER NOT NULL CHECK (is_kill_requested IN (0, 1)),
    has_started INTEGER NOT NULL CHECK (has_started IN (0, 1)),
    submitted INTEGER NOT NULL,
    last_update INTEGER NOT NULL,
    latest_stop INTEGER NOT NULL,
    CHECK (queued + running + retry + completed + errored + killed + skipped <= task_count),
    -- A run that has ended has nothing under way.
    CHECK (state < 3 OR running + retry = 0)
  ) STRICT;
  CREATE INDEX run_open ON run (id) WHERE state < 3;

  CREATE TABLE run_state_change (
    run INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0),
    time INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    PRIMARY KEY (run, number),
    -- A run begins QUEUED.
    CHECK (number > 0 OR state = 0)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE document (
    id INTEGER PRIMARY KEY CHECK (id >= 0),
    run INTEGER GENERATED ALWAYS AS (id >> 20) VIRTUAL,
    -- 0: as submitted; others: what a generator printed.
    part INTEGER GENERATED ALWAYS AS (id & 0xfffff) VIRTUAL,
    generator INTEGER CHECK (generator >= 0),
    is_dropped INTEGER NOT NULL CHECK (is_dropped IN (0, 1)),
    text BLOB NOT NULL,
    CHECK ((id & 0xfffff = 0) = (generator IS NULL)),
    CHECK (generator IS NOT NULL OR is_dropped = 0)
  ) STRICT;

  CREATE TABLE chunk (
    id INTEGER PRIMARY KEY CHECK (id >= 0),
    run INTEGER GENERATED ALWAYS AS (id >> 20) VIRTUAL,
    ix INTEGER GENERATED ALWAYS AS (id & 0xfffff) VIRTUAL,
    bytes BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 4000)
  ) STRICT;

  CREATE TABLE attempt (
    run INTEGER NOT NULL CHECK (run >= 0),
    task INTEGER NOT NULL CHECK (task >= 0),
    number INTEGER NOT NULL CHECK (number >= 1),
    fence INTEGER NOT NULL CHECK (fence > 0),
    agent INTEGER NOT NULL CHECK (agent >= 0),
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
    is_kill_requested INTEGER NOT NULL CHECK (is_kill_requested IN (0, 1)),
    start INTEGER NOT NULL,
    -- Nanoseconds from start to stop; NULL: no stop yet.
    duration INTEGER,
    rc INTEGER NOT NULL,
    words TEXT,
    cpu_us INTEGER NOT NULL CHECK (cpu_us >= 0),
    peak_kb INTEGER NOT NULL CHECK (peak_kb >= 0),
    stdout_bytes INTEGER NOT NULL CHECK (stdout_bytes >= 0),
    stderr_bytes INTEGER NOT NULL CHECK (stderr_bytes >= 0),
    PRIMARY KEY (run, task, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE history (
    run INTEGER NOT NULL CHECK (run >= 0),
    task INTEGER NOT NULL CHECK (task >= 0),
    last_number INTEGER NOT NULL CHECK (last_number >= 0),
    failures INTEGER NOT NULL CHECK (failures >= 0),
    lost INTEGER NOT NULL CHECK (lost >= 0),
    deaths INTEGER NOT NULL CHECK (deaths >= 0),
    PRIMARY KEY (run, task)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE agent (
    id INTEGER PRIMARY KEY CHECK (id >= 0),
    name TEXT NOT NULL UNIQUE,
    directory_id TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    start_number INTEGER NOT NULL,
    milli_cores INTEGER NOT NULL CHECK (milli_cores >= 0),
    memory_mb INTEGER NOT NULL CHECK (memory_mb >= 0),
    labels TEXT NOT NULL CHECK (json_type(labels) = 'object'),
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
    software TEXT NOT NULL,
    last_seen INTEGER NOT NULL
  ) STRICT;
  """

/// An attempt that was taken for lost by its agent's silence: a result of it may still come.
private let stateVersion2 = """
  ALTER TABLE attempt ADD COLUMN
    is_awaited INTEGER NOT NULL DEFAULT 0 CHECK (is_awaited = 0 OR (is_awaited = 1 AND state = 5));
  CREATE INDEX attempt_awaited ON attempt (run) WHERE is_awaited = 1;
  """

/// Commits of this file so far: see `CommitMark`.
private let stateVersion3 = """
  ALTER TABLE meta ADD COLUMN commits INTEGER NOT NULL DEFAULT 0 CHECK (commits >= 0);
  """

/// Whose logs go first: see `LogPruner`.
private let stateVersion4 = """
  CREATE INDEX run_ended ON run (last_update) WHERE state >= 3;
  """
