import Protocol
import SQLite

extension RunRow {
  static let upsert: StaticString =
    """
    INSERT INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
    ON CONFLICT DO UPDATE SET
      state = ?2, tag = ?3, labels = ?4, task_count = ?5, queued = ?6, running = ?7, retry = ?8,
      completed = ?9, errored = ?10, killed = ?11, skipped = ?12, is_kill_requested = ?13,
      has_started = ?14, submitted = ?15, last_update = ?16, latest_stop = ?17
    """

  // Each way of listing is a literal of its own, so that it uses its index and is compiled once.
  static let select: StaticString = "SELECT * FROM run WHERE id = ?"
  static let selectAll: StaticString = "SELECT * FROM run WHERE id >= ? ORDER BY id LIMIT ?"
  static let selectOpen: StaticString = "SELECT * FROM run WHERE state < 3 AND id >= ? ORDER BY id LIMIT ?"

  func bind(to statement: Statement) {
    precondition(counts.count == TaskState.allCases.count, "run \(run) has \(counts.count) counts")
    statement.bind(1, run.value)
    statement.bind(2, state.rawValue)
    statement.bind(3, tag)
    statement.bind(4, labels)
    statement.bind(5, taskCount)
    for (state, count) in counts.enumerated() { statement.bind(Int32(6 + state), count) }
    statement.bind(13, isKillRequested)
    statement.bind(14, hasStarted)
    statement.bind(15, submitted.nanoseconds)
    statement.bind(16, lastUpdate.nanoseconds)
    statement.bind(17, latestStop.nanoseconds)
  }

  init(_ row: Row) throws(SQLiteFault) {
    run = RunID(try row.integer(0))
    state = try row.value(1)
    tag = row.text(2)
    labels = row.text(3)
    taskCount = try row.integer(4)
    counts = []
    for column in 5..<12 { counts.append(try row.integer(Int32(column))) }
    isKillRequested = row.boolean(12)
    hasStarted = row.boolean(13)
    submitted = WallTime(nanoseconds: try row.integer(14))
    lastUpdate = WallTime(nanoseconds: try row.integer(15))
    latestStop = WallTime(nanoseconds: try row.integer(16))
  }

  static func find(_ run: RunID, in database: Connection) throws(SQLiteFault) -> RunRow? {
    let statement = try database.statement(select)
    statement.bind(1, run.value)
    return try statement.first { row throws(SQLiteFault) in try RunRow(row) }
  }
}

extension Row {
  /// A state kept as its number.
  func value<State: RawRepresentable<UInt8>>(
    _ column: Int32, as: State.Type = State.self
  ) throws(SQLiteFault) -> State {
    let raw: UInt8 = try integer(column)
    guard let value = State(rawValue: raw) else { throw .corrupt("\(raw) is no \(State.self)") }
    return value
  }
}
