import Protocol
import SQLite

extension AttemptRow {
  static let insert: StaticString =
    "INSERT INTO attempt VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"

  static let update: StaticString =
    """
    UPDATE attempt SET
      fence = ?4, agent = ?5, state = ?6, is_kill_requested = ?7, start = ?8, duration = ?9, rc = ?10,
      words = ?11, cpu_us = ?12, peak_kb = ?13, stdout_bytes = ?14, stderr_bytes = ?15,
      is_awaited = ?16
    WHERE run = ?1 AND task = ?2 AND number = ?3
    """

  func bind(to statement: Statement) {
    statement.bind(1, key.run.value)
    statement.bind(2, key.task.value)
    statement.bind(3, number.value)
    statement.bind(4, fence.value)
    statement.bind(5, agent.value)
    statement.bind(6, state.rawValue)
    statement.bind(7, isKillRequested)
    statement.bind(8, start.nanoseconds)
    // Wraps, as reading it does: any two times come back as they were.
    statement.bind(9, stop == .none ? nil : stop.nanoseconds &- start.nanoseconds)
    statement.bind(10, rc)
    if words.isEmpty { statement.bindNull(11) } else { statement.bind(11, words) }
    statement.bind(12, cpuMicroseconds)
    statement.bind(13, peakMemoryKB)
    statement.bind(14, stdoutBytes)
    statement.bind(15, stderrBytes)
    statement.bind(16, isAwaited)
  }

  init(_ row: Row) throws(SQLiteFault) {
    key = TaskKey(RunID(try row.integer(0)), TaskIndex(try row.integer(1, as: Int32.self)))
    number = AttemptNumber(try row.integer(2))
    fence = Fence(try row.integer(3))
    agent = AgentID(try row.integer(4))
    state = try row.value(5)
    isKillRequested = row.boolean(6)
    start = WallTime(nanoseconds: try row.integer(7))
    let duration: Int64? = try row.optionalInteger(8)
    stop = duration.map { [start] in WallTime(nanoseconds: start.nanoseconds &+ $0) } ?? .none
    rc = try row.integer(9)
    words = row.text(10)
    cpuMicroseconds = try row.integer(11)
    peakMemoryKB = try row.integer(12)
    stdoutBytes = try row.integer(13)
    stderrBytes = try row.integer(14)
    isAwaited = row.boolean(15)
  }
}
