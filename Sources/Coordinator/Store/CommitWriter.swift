import Protocol
import SQLite
import Scheduling

/// Writes a commit's rows, inside the transaction of its caller.
///
/// The order matters where one batch tells several things of one task: documents and what moves with them
/// first, attempts in the order given.
struct CommitWriter {
  let database: Connection

  func write(_ commit: Commit) throws(SQLiteFault) {
    for run in commit.runsAdded { try add(run) }
    // Added first: what a batch adds it may drop again (a generator that printed nothing and is run again).
    for part in commit.partsAdded { try add(part) }
    for part in commit.partsDropped { try drop(part) }
    for run in commit.runs { try put(run) }
    for change in commit.runStateChanges { try add(change) }
    for chunk in commit.chunks { try put(chunk) }
    for attempt in commit.attempts {
      switch attempt {
      case .insert(let row): try insert(row)
      case .update(let row): try update(row)
      case .delete(let key, let number): try delete(key, number)
      }
    }
    for history in commit.histories { try put(history) }
    for agent in commit.agents { try put(agent) }
  }

  // MARK: Runs and documents

  private func add(_ run: RunAdded) throws(SQLiteFault) {
    let next = try database.statement("UPDATE meta SET next_run = max(next_run, ? + 1)")
    next.bind(1, run.run.value)
    try next.run()
    try addDocument(run.run, part: 0, generator: nil, run.document)
  }

  private func add(_ part: PartAdded) throws(SQLiteFault) {
    try addDocument(part.run, part: part.part, generator: part.generator, part.document)
    let attempts = try database.statement("UPDATE attempt SET task = ? WHERE run = ? AND task = ?")
    let histories = try database.statement("UPDATE history SET task = ? WHERE run = ? AND task = ?")
    for (from, to) in part.moved {
      for statement in [attempts, histories] {
        statement.bind(1, to.value)
        statement.bind(2, part.run.value)
        statement.bind(3, from.value)
        try statement.run()
      }
    }
  }

  private func addDocument(
    _ run: RunID, part: Int32, generator: TaskIndex?, _ text: [UInt8]
  ) throws(SQLiteFault) {
    let statement = try database.statement(
      "INSERT INTO document (id, generator, is_dropped, text) VALUES (?, ?, 0, ?)")
    statement.bind(1, placeKey(run, part))
    statement.bind(2, generator?.value)
    try text.withUnsafeBufferPointer { bytes throws(SQLiteFault) in
      statement.bind(3, borrowed: bytes)
      try statement.run()
    }
  }

  private func drop(_ part: PartDropped) throws(SQLiteFault) {
    // Same size, so SQLite overwrites the one page that differs, however long the text is.
    let statement = try database.statement("UPDATE document SET is_dropped = 1 WHERE id = ?")
    statement.bind(1, placeKey(part.run, part.part))
    try statement.run()
    try mustChangeOne("part \(part.part) of run \(part.run)")
  }

  private func put(_ row: RunRow) throws(SQLiteFault) {
    let statement = try database.statement(RunRow.upsert)
    row.bind(to: statement)
    try statement.run()
  }

  private func add(_ change: RunStateChange) throws(SQLiteFault) {
    let statement = try database.statement(
      """
      INSERT INTO run_state_change
      SELECT ?1, coalesce(max(number) + 1, 0), ?2, ?3 FROM run_state_change WHERE run = ?1
      """)
    statement.bind(1, change.run.value)
    statement.bind(2, change.time.nanoseconds)
    statement.bind(3, change.state.rawValue)
    try statement.run()
  }

  private func put(_ chunk: StateChunk) throws(SQLiteFault) {
    let statement = try database.statement(
      "INSERT INTO chunk (id, bytes) VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes")
    statement.bind(1, placeKey(chunk.run, chunk.index))
    try chunk.bytes.withUnsafeBufferPointer { bytes throws(SQLiteFault) in
      statement.bind(2, borrowed: bytes)
      try statement.run()
    }
  }

  // MARK: Attempts

  private func insert(_ row: AttemptRow) throws(SQLiteFault) {
    let statement = try database.statement(AttemptRow.insert)
    row.bind(to: statement)
    try statement.run()
  }

  private func update(_ row: AttemptRow) throws(SQLiteFault) {
    let statement = try database.statement(AttemptRow.update)
    row.bind(to: statement)
    try statement.run()
    try mustChangeOne("attempt \(row.number) of \(row.key.task) of run \(row.key.run)")
  }

  private func delete(_ key: TaskKey, _ number: AttemptNumber) throws(SQLiteFault) {
    let statement = try database.statement("DELETE FROM attempt WHERE run = ? AND task = ? AND number = ?")
    statement.bind(1, key.run.value)
    statement.bind(2, key.task.value)
    statement.bind(3, number.value)
    try statement.run()
    try mustChangeOne("attempt \(number) of \(key.task) of run \(key.run)")
  }

  private func put(_ write: HistoryWrite) throws(SQLiteFault) {
    guard let history = write.history else {
      let statement = try database.statement("DELETE FROM history WHERE run = ? AND task = ?")
      statement.bind(1, write.key.run.value)
      statement.bind(2, write.key.task.value)
      return try statement.run()
    }
    let statement = try database.statement("INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?)")
    statement.bind(1, write.key.run.value)
    statement.bind(2, write.key.task.value)
    statement.bind(3, history.lastNumber)
    statement.bind(4, history.failures)
    statement.bind(5, history.lost)
    statement.bind(6, history.deaths)
    try statement.run()
  }

  private func put(_ row: AgentRow) throws(SQLiteFault) {
    let statement = try database.statement(AgentRow.upsert)
    row.bind(to: statement)
    try statement.run()
  }

  /// What is changed must be there: else memory and disk have parted, and going on would hide it.
  private func mustChangeOne(_ what: @autoclosure () -> String) throws(SQLiteFault) {
    let changed = database.changedRows
    guard changed == 1 else { throw .corrupt("\(changed) rows, not 1, are \(what())") }
  }
}

/// The key of a document or chunk; traps where a run has more places than a key holds.
func placeKey(_ run: RunID, _ place: Int32) -> Int64 {
  precondition(place >= 0 && Int64(place) < Schema.placesInRun, "run \(run) has no place \(place)")
  return run.value << 20 | Int64(place)
}
