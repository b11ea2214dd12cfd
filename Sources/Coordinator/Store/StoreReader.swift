import Protocol
import SQLite
import Scheduling

/// Reads of `state.db` past the Engine: what was committed, by any thread, at any time.
///
/// No call's answer grows with what is stored: lists, state bytes and attempts come in pages, and whoever
/// streams a run of a million tasks asks again and again. Two pages may so show two moments; a run's dense
/// index only grows, so a layout that was read first holds for all that is read after it.
struct StoreReader: Sendable {
  private let pool: ReaderPool
  private let layouts: LayoutCache

  /// The file must be there: made by `SQLiteStore`, which has it open.
  init(_ directory: DataDirectory, layouts: LayoutCache) {
    pool = ReaderPool(path: directory.file("state.db"))
    self.layouts = layouts
  }

  /// Runs `body` on one snapshot.
  func read<Result>(_ body: (Connection) throws(SQLiteFault) -> Result) throws(StoreFault) -> Result {
    try pool.read(body)
  }

  // MARK: Runs

  func run(_ run: RunID) throws(StoreFault) -> RunRow? {
    try pool.read { database throws(SQLiteFault) in try RunRow.find(run, in: database) }
  }

  /// By number, beginning with `from`; at most `limit`. `open`: only those that are not final.
  func runs(from: RunID, open: Bool, limit: Int) throws(StoreFault) -> [RunRow] {
    try pool.read { database throws(SQLiteFault) in
      let statement = try database.statement(open ? RunRow.selectOpen : RunRow.selectAll)
      statement.bind(1, from.value)
      statement.bind(2, limit)
      var rows: [RunRow] = []
      try statement.each { row throws(SQLiteFault) in rows.append(try RunRow(row)) }
      return rows
    }
  }

  /// First to last.
  func stateChanges(of run: RunID) throws(StoreFault) -> [RunStateChange] {
    try pool.read { database throws(SQLiteFault) in
      let statement = try database.statement(
        "SELECT time, state FROM run_state_change WHERE run = ? ORDER BY number")
      statement.bind(1, run.value)
      var changes: [RunStateChange] = []
      try statement.each { row throws(SQLiteFault) in
        changes.append(
          RunStateChange(run: run, time: WallTime(nanoseconds: try row.integer(0)), state: try row.value(1)))
      }
      return changes
    }
  }

  /// The run's tasks as they are now; nil: no such run. Mostly from the cache.
  func layout(of run: RunID) throws(StoreFault) -> RunLayout? {
    // Counted and read in one snapshot; read into a layout after it.
    let found: (layout: RunLayout?, parts: [StoredRun.Part]) = try pool.read { database throws(SQLiteFault) in
      let counts = try database.statement(
        "SELECT count(*), coalesce(sum(is_dropped), 0) FROM document WHERE id BETWEEN ? AND ?")
      counts.bind(1, placeKey(run, 0))
      counts.bind(2, placeKey(run, 0) + Schema.placesInRun - 1)
      let known = try counts.first { row throws(SQLiteFault) in
        layouts.find(run, parts: try row.integer(0), dropped: try row.integer(1))
      }
      if let known, let layout = known { return (layout, []) }
      return (nil, try StoredRun.parts(of: run, from: database))
    }
    if let layout = found.layout { return layout }
    if found.parts.isEmpty { return nil }
    let layout = try RunLayout(found.parts, of: run)
    layouts.put(layout, for: run)
    return layout
  }

  // MARK: Tasks

  /// `TaskByte.raw` of the tasks of one chunk; empty where there is none.
  func taskBytes(of run: RunID, chunk: Int32) throws(StoreFault) -> [UInt8] {
    try pool.read { database throws(SQLiteFault) in
      let statement = try database.statement("SELECT bytes FROM chunk WHERE id = ?")
      statement.bind(1, placeKey(run, chunk))
      return try statement.first { row throws(SQLiteFault) in row.blob(0) } ?? []
    }
  }

  /// nil: no such task.
  func taskByte(of key: TaskKey) throws(StoreFault) -> TaskByte? {
    let (chunk, place) = Int(key.task.value).quotientAndRemainder(dividingBy: StateChunk.tasks)
    let bytes = try taskBytes(of: key.run, chunk: Int32(chunk))
    return place < bytes.count ? TaskByte(raw: bytes[place]) : nil
  }

  // MARK: Attempts

  /// By task, then by number, beginning with this place; at most `limit`. What was only dispatched is not
  /// there: it may yet leave no trace.
  func attempts(
    of run: RunID, from task: TaskIndex, number: AttemptNumber, limit: Int
  ) throws(StoreFault) -> [AttemptRow] {
    try pool.read { database throws(SQLiteFault) in
      let statement = try database.statement(
        """
        SELECT * FROM attempt WHERE run = ? AND (task, number) >= (?, ?) AND state <> 0
        ORDER BY task, number LIMIT ?
        """)
      statement.bind(1, run.value)
      statement.bind(2, task.value)
      statement.bind(3, number.value)
      statement.bind(4, limit)
      var rows: [AttemptRow] = []
      try statement.each { row throws(SQLiteFault) in rows.append(try AttemptRow(row)) }
      return rows
    }
  }

  // MARK: Agents

  func agentName(_ agent: AgentID) throws(StoreFault) -> String? {
    try pool.read { database throws(SQLiteFault) in
      let statement = try database.statement("SELECT name FROM agent WHERE id = ?")
      statement.bind(1, agent.value)
      return try statement.first { row throws(SQLiteFault) in row.text(0) }
    }
  }
}
