import Protocol
import SQLite
import System

/// What a database file of ours looks like, version by version.
///
/// `schema_version` in the file keeps a line for each version it went through: when, and by which program.
struct Schema {
  /// The file's name.
  var name: String
  /// https://www.sqlite.org/pragma.html#pragma_application_id
  var applicationID: Int32
  /// The script that leads from each version to the next; the first makes the file's version 1.
  var steps: [String]
  /// The version from which on the table `meta` counts commits.
  var countsCommitsFrom = Int.max
  /// Free pages can be given back to the file system: a page in 820 more, and some more writes. Only a file that is
  /// new becomes so; in an older one free pages are just written again
  /// (https://www.sqlite.org/pragma.html#pragma_auto_vacuum).
  var givesBackSpace = false

  /// The file's version, 0 where it is empty; refuses what is not known.
  ///
  /// - Parameter software: this program and its version, for the refusal.
  func version(of database: Connection, path: String, software: String) throws(StoreFault) -> Int {
    let found = try storing("reading \(path)") { () throws(SQLiteFault) in try self.find(in: database) }
    switch found {
    case .foreign:
      throw StoreFault(
        .unknownSchema, "\(path) is a database of another program: choose another directory by --data-dir")
    case .version(let version, let writer) where version > steps.count:
      throw StoreFault(
        .unknownSchema,
        "\(path) has schema \(version), written by \(writer); this program (\(software)) knows up to "
          + "\(steps.count): start the newer program")
    case .version(let version, _): return version
    }
  }

  /// Brings the file from that version to the newest.
  ///
  /// - Parameter software: this program and its version, for the history.
  func bring(
    _ database: Connection, from version: Int, path: String, software: String
  ) throws(StoreFault) {
    if version == steps.count { return }
    try storing("bringing \(path) from schema \(version) to \(steps.count)") { () throws(SQLiteFault) in
      try database.transaction(.immediate) { () throws(SQLiteFault) in
        for next in version..<steps.count {
          try Failpoint.schemaStepBefore.pass(or: SQLiteFault.injectedFull)
          try self.step(to: next + 1, database, software)
          try Failpoint.schemaStepAfter.pass(or: SQLiteFault.injectedFull)
        }
      }
      try Failpoint.schemaCommitAfter.pass(or: SQLiteFault.injectedInputOutput)
    }
  }

  private enum Found {
    case foreign
    /// 0: an empty file.
    case version(Int, writer: String)
  }

  private func find(in database: Connection) throws(SQLiteFault) -> Found {
    let id = try database.statement("PRAGMA application_id").first { row throws(SQLiteFault) in
      try row.integer(0, as: Int32.self)
    }
    if id != applicationID {
      let tables = try database.statement("SELECT count(*) FROM sqlite_schema").first {
        row throws(SQLiteFault) in try row.integer(0, as: Int.self)
      }
      return id == 0 && tables == 0 ? .version(0, writer: "") : .foreign
    }
    let newest = try database.prepare(
      "SELECT version, software FROM schema_version ORDER BY version DESC LIMIT 1")
    return try newest.first { row throws(SQLiteFault) in
      .version(try row.integer(0), writer: row.text(1))
    } ?? .foreign
  }

  private func step(to version: Int, _ database: Connection, _ software: String) throws(SQLiteFault) {
    if version == 1 {
      try database.execute("PRAGMA application_id = \(applicationID)")
      try database.execute(
        """
        CREATE TABLE schema_version (
          version INTEGER PRIMARY KEY CHECK (version >= 1),
          time INTEGER NOT NULL,
          software TEXT NOT NULL
        ) STRICT
        """)
    }
    try database.execute(steps[version - 1])
    let line = try database.prepare("INSERT INTO schema_version VALUES (?, ?, ?)")
    line.bind(1, version)
    line.bind(2, WallTime.now().nanoseconds)
    line.bind(3, software)
    try line.run()
  }
}

extension Connection {
  /// What every writing connection of ours is: a commit is on stable storage when it returns, and the log
  /// moves only when we say so.
  func prepareForWriting() throws(SQLiteFault) {
    try execute("PRAGMA journal_mode = WAL")
    try execute("PRAGMA synchronous = FULL")
    try execute("PRAGMA temp_store = MEMORY")
  }

  static func reading(_ path: String) throws(SQLiteFault) -> Connection {
    let connection = try Connection(path: path, .readOnly)
    try connection.execute("PRAGMA query_only = ON")
    return connection
  }
}
