import Protocol
import SQLite
import System

/// The store in `state.db`: one writing connection, which is also the only one that checkpoints.
///
/// 3.40.1, the SQLite of Debian 12, may lose writes where one connection checkpoints while another commits
/// (the WAL-reset bug): so nobody else writes (`DataDirectory` sees to it), all other connections are
/// read-only, and automatic checkpoints are off everywhere.
///
/// `@unchecked Sendable`: the Engine's thread alone uses it, once it is made.
final class SQLiteStore: Store, @unchecked Sendable {
  /// Pages of log (of 4,096 bytes) beyond which `tidy` moves them into the database.
  static let checkpointPages: Int32 = 1000
  /// Pages of log beyond which `tidy` waits for readers, so that the log begins anew: they have short
  /// transactions, but a row of them that overlap could keep it growing for ever.
  static let restartPages: Int32 = 16_000
  /// Memory for pages, in KiB: the hot ones (chunks and the attempts under way) of a busy day.
  private static let cacheKiB = 8192

  let database: Connection
  /// Held, since its lock is what makes this the one writer.
  private let directory: DataDirectory
  private var epoch = Epoch(0)

  /// - Parameter software: this program and its version, for the schema's history.
  init(_ directory: DataDirectory, software: String) throws(StoreFault) {
    self.directory = directory
    try directory.makePrivate("state.db")
    let path = directory.file("state.db")
    database = try storing("opening \(path)") { () throws(SQLiteFault) in
      let database = try Connection(path: path, .readWrite)
      try database.prepareForWriting()
      try database.execute("PRAGMA cache_size = -\(SQLiteStore.cacheKiB)")
      return database
    }
    try Schema.state.bring(database, software: software)
  }

  func open() throws(StoreFault) -> StoredState {
    try storing("reading state.db") { () throws(SQLiteFault) in
      let begun = try database.transaction(.immediate) { () throws(SQLiteFault) in
        let begun = try database.statement("UPDATE meta SET epoch = epoch + 1 RETURNING epoch, next_run")
          .first {
            row throws(SQLiteFault) in
            (epoch: Epoch(try row.integer(0)), nextRun: RunID(try row.integer(1)))
          }
        try Failpoint.epochCommitBefore.pass(or: SQLiteFault.injectedFull)
        return begun
      }
      try Failpoint.epochCommitAfter.pass(or: SQLiteFault.injectedInputOutput)
      guard let begun else { throw .corrupt("state.db has lost its epoch") }
      epoch = begun.epoch
      // Outside the transaction: nobody else writes.
      var runs: [RunRow] = []
      let open = try database.statement(RunRow.selectOpen)
      open.bind(1, 0)
      open.bind(2, Int64.max)
      try open.each { row throws(SQLiteFault) in
        runs.append(try RunRow(row))
      }
      var state = StoredState(
        epoch: begun.epoch, nextRun: begun.nextRun, agents: try AgentRow.all(of: database), runs: [])
      for row in runs { state.runs.append(try StoredRun(row, from: database)) }
      return state
    }
  }

  func load(run: RunID) throws(StoreFault) -> StoredRun? {
    try storing("reading run \(run) from state.db") { () throws(SQLiteFault) in
      try Failpoint.storedRunLoadBefore.pass(or: SQLiteFault.injectedInputOutput)
      guard let row = try RunRow.find(run, in: database) else { return nil }
      return try StoredRun(row, from: database)
    }
  }

  func commit(_ commit: Commit) throws(StoreFault) {
    if commit.isEmpty { return }
    let isOurs = try storing("writing state.db") { () throws(SQLiteFault) in
      try Failpoint.stateCommitBefore.pass(or: SQLiteFault.injectedFull)
      let isOurs = try database.transaction(.immediate) { () throws(SQLiteFault) in
        guard try self.epochStands() else { return false }
        try CommitWriter(database: database).write(commit)
        try Failpoint.stateCommitWithin.pass(or: SQLiteFault.injectedFull)
        return true
      }
      try Failpoint.stateCommitAfter.pass(or: SQLiteFault.injectedInputOutput)
      return isOurs
    }
    guard isOurs else {
      throw StoreFault(
        .takenOver,
        "another coordinator has taken over this data directory: this one stops; run one coordinator only")
    }
  }

  func tidy() throws(StoreFault) {
    guard database.logPages > SQLiteStore.checkpointPages else { return }
    try storing("moving the log into state.db") { () throws(SQLiteFault) in
      try Failpoint.stateCheckpointBefore.pass(or: SQLiteFault.injectedFull)
      let isAll = try database.checkpoint(.passive)
      if !isAll && database.logPages > SQLiteStore.restartPages { try database.checkpoint(.truncate) }
      Failpoint.stateCheckpointAfter.pass()
    }
  }

  private func epochStands() throws(SQLiteFault) -> Bool {
    try database.statement("SELECT epoch FROM meta").first { row throws(SQLiteFault) in
      try row.integer(0) == epoch.value
    } ?? false
  }
}
