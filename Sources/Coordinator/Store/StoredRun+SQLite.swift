import Protocol
import SQLite
import Scheduling

extension StoredRun {
  /// Reads a run whole, for the Scheduler: its documents, a byte for each task, and rows only where the
  /// bytes say that there is more to know.
  init(_ row: RunRow, from database: Connection) throws(SQLiteFault) {
    self.row = row
    parts = try StoredRun.parts(of: row.run, from: database)
    bytes = try StoredRun.bytes(of: row, from: database)
    histories = try StoredRun.histories(of: row.run, from: database)
    open = []
    let latest = try database.statement(
      "SELECT * FROM attempt WHERE run = ? AND task = ? ORDER BY number DESC LIMIT 1")
    for (task, raw) in bytes.enumerated() {
      let byte = TaskByte(raw: raw)
      guard byte.isAlive || byte.isExpanding else { continue }
      latest.bind(1, row.run.value)
      latest.bind(2, task)
      let attempt = try latest.first { row throws(SQLiteFault) in try AttemptRow(row) }
      guard let attempt, attempt.state.isAlive == byte.isAlive else {
        throw .corrupt("run \(row.run): the byte of task \(task) is \(raw), but its attempts say otherwise")
      }
      open.append(attempt)
    }
    let awaited = try database.statement("SELECT * FROM attempt WHERE run = ? AND is_awaited = 1")
    awaited.bind(1, row.run.value)
    try awaited.each { row throws(SQLiteFault) in open.append(try AttemptRow(row)) }
  }

  /// In order, part 0 first.
  static func parts(of run: RunID, from database: Connection) throws(SQLiteFault) -> [Part] {
    let statement = try database.statement(
      "SELECT part, generator, is_dropped, text FROM document WHERE id BETWEEN ? AND ? ORDER BY id")
    statement.bind(1, placeKey(run, 0))
    statement.bind(2, placeKey(run, 0) + Schema.placesInRun - 1)
    var parts: [Part] = []
    try statement.each { row throws(SQLiteFault) in
      let generator: Int32? = try row.optionalInteger(1)
      parts.append(
        Part(
          part: try row.integer(0), generator: generator.map { TaskIndex($0) },
          document: row.blob(3), isDropped: row.boolean(2)))
    }
    return parts
  }

  private static func bytes(of row: RunRow, from database: Connection) throws(SQLiteFault) -> [UInt8] {
    let statement = try database.statement(
      "SELECT ix, bytes FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id")
    statement.bind(1, placeKey(row.run, 0))
    statement.bind(2, placeKey(row.run, 0) + Schema.placesInRun - 1)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(row.taskCount))
    try statement.each { chunk throws(SQLiteFault) in
      guard try chunk.integer(0) * StateChunk.tasks == bytes.count else {
        throw .corrupt("run \(row.run): a chunk of state bytes is missing before \(chunk.text(0))")
      }
      chunk.withBlob(1) { bytes.append(contentsOf: $0) }
    }
    // A state of no known number would trap wherever the byte is looked at.
    guard bytes.allSatisfy({ TaskState(rawValue: $0 & 0x07) != nil }) else {
      throw .corrupt("run \(row.run): a state byte names no state")
    }
    return bytes
  }

  private static func histories(
    of run: RunID, from database: Connection
  ) throws(SQLiteFault) -> [(task: TaskIndex, history: TaskHistory)] {
    let statement = try database.statement(
      "SELECT task, last_number, failures, lost, deaths FROM history WHERE run = ? ORDER BY task")
    statement.bind(1, run.value)
    var histories: [(task: TaskIndex, history: TaskHistory)] = []
    try statement.each { row throws(SQLiteFault) in
      histories.append(
        (
          TaskIndex(try row.integer(0, as: Int32.self)),
          TaskHistory(
            lastNumber: try row.integer(1), failures: try row.integer(2), lost: try row.integer(3),
            deaths: try row.integer(4))
        ))
    }
    return histories
  }
}
