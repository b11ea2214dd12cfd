import SQLite

// What a failpoint throws in SQLite's name. Nothing of it is in a build without failpoints.
extension SQLiteFault {
  /// SQLITE_FULL
  static var injectedFull: SQLiteFault { SQLiteFault(code: 13, message: "database or disk is full", sql: "") }
  /// SQLITE_IOERR_FSYNC
  static var injectedInputOutput: SQLiteFault { SQLiteFault(code: 1034, message: "disk I/O error", sql: "") }
}
