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

  private let file: DatabaseFile
  var database: Connection { file.connection }
  /// Held, since its lock is what makes this the one writer.
  private let directory: DataDirectory
  private var epoch = Epoch(0)

  /// - Parameter software: this program and its version, for the schema's history.
  init(_ directory: DataDirectory, software: String) throws(StoreFault) {
    self.directory = directory
    let file = try DatabaseFile(.state, in: directory, software: software)
    self.file = file
    try storing("opening \(file.path)") { () throws(SQLiteFault) in
      try file.connection.execute("PRAGMA cache_size = -\(SQLiteStore.cacheKiB)")
    }
  }

  func open() throws(StoreFault) -> StoredState {
    try storing("reading \(file.path)") { () throws(SQLiteFault) in
      let begun = try database.transaction(.immediate) { () throws(SQLiteFault) in
        let begun = try database.statement(
          "UPDATE meta SET epoch = epoch + 1, commits = commits + 1 RETURNING epoch, next_run, commits"
        ).first { row throws(SQLiteFault) in
          (epoch: Epoch(try row.integer(0)), nextRun: RunID(try row.integer(1)), commits: row.integer64(2))
        }
        try Failpoint.epochCommitBefore.pass(or: SQLiteFault.injectedFull)
        return begun
      }
      try Failpoint.epochCommitAfter.pass(or: SQLiteFault.injectedInputOutput)
      guard let begun else { throw .corrupt("it has lost its epoch") }
      epoch = begun.epoch
      file.acknowledge(begun.commits)
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
    try storing("reading run \(run) from \(file.path)") { () throws(SQLiteFault) in
      try Failpoint.storedRunLoadBefore.pass(or: SQLiteFault.injectedInputOutput)
      guard let row = try RunRow.find(run, in: database) else { return nil }
      return try StoredRun(row, from: database)
    }
  }

  func commit(_ commit: Commit) throws(StoreFault) {
    if commit.isEmpty { return }
    let commits = try storing("writing \(file.path)") { () throws(SQLiteFault) in
      try Failpoint.stateCommitBefore.pass(or: SQLiteFault.injectedFull)
      let commits = try database.transaction(.immediate) { () throws(SQLiteFault) in
        guard let commits = try self.countUp() else { return nil as Int64? }
        try CommitWriter(database: database).write(commit)
        try Failpoint.stateCommitWithin.pass(or: SQLiteFault.injectedFull)
        return commits
      }
      try Failpoint.stateCommitAfter.pass(or: SQLiteFault.injectedInputOutput)
      return commits
    }
    guard let commits else {
      throw StoreFault(
        .takenOver,
        "another coordinator has taken over this data directory: this one stops; run one coordinator only")
    }
    file.acknowledge(commits)
  }

  func tidy() throws(StoreFault) {
    guard database.logPages > SQLiteStore.checkpointPages else { return }
    let fault = StoreFault(.injectedInputOutput, doing: "moving the log into \(file.path)")
    try Failpoint.stateCheckpointBefore.pass(or: fault)
    try file.checkpoint(waitingBeyond: SQLiteStore.restartPages)
    Failpoint.stateCheckpointAfter.pass()
  }

  /// This commit's number; nil where the epoch is another's.
  private func countUp() throws(SQLiteFault) -> Int64? {
    let statement = try database.statement(
      "UPDATE meta SET commits = commits + 1 WHERE epoch = ? RETURNING commits")
    statement.bind(1, epoch.value)
    return try statement.first { row throws(SQLiteFault) in row.integer64(0) }
  }
}
