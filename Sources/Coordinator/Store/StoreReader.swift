import Protocol
import SQLite
import Scheduling

/// Reads of `state.db` past the Engine: what was committed, by any thread, at any time.
///
/// No call's answer grows with what is stored: lists, state bytes and attempts come in pages, and whoever
/// streams a run of a million tasks asks again and again. Two pages may so show two moments.
struct StoreReader: Sendable {
  private let pool: ReaderPool

  init(_ directory: DataDirectory) { pool = ReaderPool(path: directory.file("state.db")) }

  // MARK: Runs

  enum RunOrder: Sendable { case oldestFirst, newestFirst }

  /// - Parameters:
  ///   - all: with those that are final.
  ///   - cursor: the last run of the page before; nil for the first page.
  func runs(
    all: Bool, _ order: RunOrder = .oldestFirst, after cursor: RunID? = nil, limit: Int
  ) throws(StoreFault) -> [RunRow] {
    try pool.read { database throws(SQLiteFault) in
      let statement = try database.statement(RunRow.select(all: all, order))
      statement.bind(1, cursor?.value ?? (order == .oldestFirst ? -1 : .max))
      statement.bind(2, limit)
      var rows: [RunRow] = []
      try statement.each { row throws(SQLiteFault) in rows.append(try RunRow(row)) }
      return rows
    }
  }

  func run(_ run: RunID) throws(StoreFault) -> RunRow? {
    try pool.read { database throws(SQLiteFault) in try RunRow.find(run, in: database) }
  }

  /// Its changes of state, first to last.
  func stateChanges(_ run: RunID) throws(StoreFault) -> [RunStateChange] {
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

  /// In order, part 0 first; empty: no such run.
  func parts(_ run: RunID) throws(StoreFault) -> [StoredRun.Part] {
    try pool.read { database throws(SQLiteFault) in try StoredRun.parts(of: run, from: database) }
  }

  /// What tells whether the parts are those seen before, without reading their texts.
  struct PartsStamp: Hashable, Sendable {
    var count: Int
    var dropped: Int
    var bytes: Int
  }

  /// nil: no such run.
  func partsStamp(_ run: RunID) throws(StoreFault) -> PartsStamp? {
    try pool.read { database throws(SQLiteFault) in
      let statement = try database.statement(
        """
        SELECT count(*), coalesce(sum(is_dropped), 0), coalesce(sum(length(text)), 0)
        FROM document WHERE id BETWEEN ? AND ?
        """)
      statement.bind(1, placeKey(run, 0))
      statement.bind(2, placeKey(run, 0) + Schema.placesInRun - 1)
      return try statement.first { row throws(SQLiteFault) in
        let stamp = PartsStamp(
          count: try row.integer(0), dropped: try row.integer(1), bytes: try row.integer(2))
        return stamp.count == 0 ? nil : stamp
      } ?? nil
    }
  }

  // MARK: Tasks

  /// `TaskByte.raw` of the tasks of `range`, as far as there are any.
  func taskBytes(_ run: RunID, _ range: Range<Int>) throws(StoreFault) -> [UInt8] {
    if range.isEmpty { return [] }
    return try pool.read { database throws(SQLiteFault) in
      let first = range.lowerBound / StateChunk.tasks
      let statement = try database.statement(
        "SELECT ix, bytes FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id")
      statement.bind(1, placeKey(run, Int32(first)))
      statement.bind(2, placeKey(run, Int32((range.upperBound - 1) / StateChunk.tasks)))
      var bytes: [UInt8] = []
      bytes.reserveCapacity(min(range.count, StateChunk.tasks * 2))
      try statement.each { row throws(SQLiteFault) in
        let start = try row.integer(0, as: Int.self) * StateChunk.tasks
        row.withBlob(1) { chunk in
          let wanted = range.clamped(to: start..<start + chunk.count)
          bytes.append(contentsOf: chunk[(wanted.lowerBound - start)..<(wanted.upperBound - start)])
        }
      }
      return bytes
    }
  }

  /// nil: no such task.
  func taskByte(_ run: RunID, _ task: TaskIndex) throws(StoreFault) -> TaskByte? {
    try taskBytes(run, Int(task.value)..<Int(task.value) + 1).first.map { TaskByte(raw: $0) }
  }

  // MARK: Attempts

  /// Where a page of attempts ended.
  struct AttemptCursor: Hashable, Sendable {
    var task: TaskIndex
    var number: AttemptNumber
    init(_ task: TaskIndex, _ number: AttemptNumber) {
      self.task = task
      self.number = number
    }
    init(_ row: AttemptRow) { self.init(row.key.task, row.number) }
    /// Before all attempts of a task.
    init(before task: TaskIndex) { self.init(task, AttemptNumber(0)) }
  }

  /// By task, then by number: those behind `cursor` of tasks before `end`.
  func attempts(
    _ run: RunID, after cursor: AttemptCursor = AttemptCursor(before: TaskIndex(Int32(0))),
    before end: TaskIndex = TaskIndex(Int32.max), limit: Int
  ) throws(StoreFault) -> [AttemptRow] {
    try pool.read { database throws(SQLiteFault) in
      let statement = try database.statement(
        """
        SELECT * FROM attempt WHERE run = ? AND (task, number) > (?, ?) AND task < ?
        ORDER BY task, number LIMIT ?
        """)
      statement.bind(1, run.value)
      statement.bind(2, cursor.task.value)
      statement.bind(3, cursor.number.value)
      statement.bind(4, end.value)
      statement.bind(5, limit)
      var rows: [AttemptRow] = []
      try statement.each { row throws(SQLiteFault) in rows.append(try AttemptRow(row)) }
      return rows
    }
  }

  /// Of one task, by number.
  func attempts(_ run: RunID, _ task: TaskIndex) throws(StoreFault) -> [AttemptRow] {
    try pool.read { database throws(SQLiteFault) in
      let statement = try database.statement(
        "SELECT * FROM attempt WHERE run = ? AND task = ? ORDER BY number")
      statement.bind(1, run.value)
      statement.bind(2, task.value)
      var rows: [AttemptRow] = []
      try statement.each { row throws(SQLiteFault) in rows.append(try AttemptRow(row)) }
      return rows
    }
  }

  /// By id.
  func agents() throws(StoreFault) -> [AgentRow] {
    try pool.read { database throws(SQLiteFault) in try AgentRow.all(of: database) }
  }
}
