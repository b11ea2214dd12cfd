import Protocol
import SQLite
import System

/// One of our databases, open for writing: found whole, brought to its schema, its commits counted.
///
/// Whoever changes it does so in a transaction that counts `meta.commits` up, and calls `acknowledge` once
/// that is committed.
///
/// Not Sendable: its one writing thread alone uses it.
final class DatabaseFile {
  /// A database up to this size is looked through at its opening: 0.4 s at most. What is wrong with a larger
  /// one shows where it is read.
  static let checkedBytes: Int64 = 64 << 20

  /// How long the log is left alone after a full disk has kept it from moving.
  private static let pauseWhenFull = Period.seconds(1)

  let path: String
  let connection: Connection
  private let mark: CommitMark
  private var pausedUntil = Instant(nanoseconds: 0)

  /// - Parameter software: this program and its version, for the schema's history.
  init(_ schema: Schema, in directory: DataDirectory, software: String) throws(StoreFault) {
    let path = directory.file(schema.name)
    try directory.makePrivate(schema.name)
    let connection = try storing("opening \(path)") { () throws(SQLiteFault) in
      let connection = try Connection(path: path, .readWrite)
      // Before anything makes its first page.
      if schema.givesBackSpace { try connection.execute("PRAGMA auto_vacuum = INCREMENTAL") }
      try connection.prepareForWriting()
      return connection
    }
    self.path = path
    self.connection = connection
    mark = try CommitMark(ofDatabase: path)
    // Before anything is written, so that what is refused stays as it was found.
    let version = try schema.version(of: connection, path: path, software: software)
    try lookThrough()
    if version >= schema.countsCommitsFrom { try refuseLoss() }
    try schema.bring(connection, from: version, path: path, software: software)
    connection.keepLogOnClose(false)
    try settle()
  }

  /// What was committed up to this count may be told.
  func acknowledge(_ commits: Int64) { mark.advance(to: commits) }

  /// Moves the log's pages into the database, and where readers have kept it from beginning anew for long,
  /// waits for them. A full disk is no fault: the log just goes on.
  func checkpoint(waitingBeyond restartPages: Int32) throws(StoreFault) {
    if Instant.now() < pausedUntil { return }
    do {
      try storing("moving the log into \(path)") { () throws(SQLiteFault) in
        let isAll = try connection.checkpoint(.passive)
        if !isAll && connection.logPages > restartPages { try connection.checkpoint(.truncate) }
      }
    } catch  where error.kind == .full {
      pausedUntil = .now() + Self.pauseWhenFull
    }
  }

  private func lookThrough() throws(StoreFault) {
    try storing("looking through \(path)") { () throws(SQLiteFault) in
      let bytes = try connection.prepare(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
      )
      .first { row throws(SQLiteFault) in row.integer64(0) }
      guard let bytes, bytes <= Self.checkedBytes else { return }
      let found = try connection.prepare("PRAGMA quick_check(1)").first { row throws(SQLiteFault) in
        row.text(0)
      }
      if let found, found != "ok" { throw .corrupt("the database is damaged: \(found)") }
    }
  }

  private func refuseLoss() throws(StoreFault) {
    let found = try storing("reading \(path)") { () throws(SQLiteFault) in
      try connection.prepare("SELECT commits FROM meta").first { row throws(SQLiteFault) in row.integer64(0) }
        ?? 0
    }
    guard let told = mark.read(), found < told else { return }
    throw StoreFault(
      .corrupt,
      "\(path) holds \(found) of the \(told) commits that were acknowledged: its log, \(path)-wal, is damaged or was "
        + "removed, or it was put back from a backup. Put back the whole directory from a backup; or, to go on with "
        + "what can be read and lose the rest, remove \(mark.path) and start again")
  }

  /// What an earlier process committed may be in the kernel's memory only, where a sync failed that ended it.
  /// In the database it is written anew, and synced with it.
  private func settle() throws(StoreFault) {
    do {
      try storing("moving the log into \(path)") { () throws(SQLiteFault) in
        _ = try connection.checkpoint(.truncate)
      }
    } catch  where error.kind == .full {}
  }
}
