import CSQLite

/// What SQLite refused, where, and what a person can do about it.
public struct SQLiteFault: Error, Sendable, CustomStringConvertible {
  /// A result code, https://www.sqlite.org/rescode.html
  public let code: Int32
  /// The extended result code: for I/O errors it names the system call.
  public let extendedCode: Int32
  /// SQLite's own words.
  public let message: String
  /// The statement, or what was being done where there is none.
  public let sql: String
  /// errno of the system call that failed; 0 where there was none.
  public let systemError: Int32

  public init(code: Int32, message: String, sql: String, systemError: Int32 = 0) {
    self.code = code & 0xff
    self.extendedCode = code
    self.message = message
    self.sql = sql
    self.systemError = systemError
  }

  init(_ code: Int32, of handle: OpaquePointer?, sql: String) {
    guard let handle else {
      self.init(code: code, message: String(cString: sqlite3_errstr(code)), sql: sql)
      return
    }
    self.init(
      code: sqlite3_extended_errcode(handle) == SQLITE_OK ? code : sqlite3_extended_errcode(handle),
      message: String(cString: sqlite3_errmsg(handle)), sql: sql,
      systemError: sqlite3_system_errno(handle))
  }

  /// A row that holds what no program of ours wrote.
  public static func corrupt(_ message: String, sql: String = "") -> SQLiteFault {
    SQLiteFault(code: SQLITE_CORRUPT, message: message, sql: sql)
  }

  public enum Kind: Sendable {
    case full, io, notWritable, corrupt, busy, other
  }

  public var kind: Kind {
    switch code {
    case SQLITE_FULL: .full
    case SQLITE_IOERR: .io
    case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: .notWritable
    case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
    case SQLITE_BUSY, SQLITE_LOCKED: .busy
    default: .other
    }
  }

  /// What to do; "" where nobody knows.
  public var remedy: String {
    switch kind {
    case .full: "free space on the file system that holds it"
    case .io: "look for disk errors in the kernel's log"
    case .notWritable: "check that the file, its directory and the file system can be written"
    case .corrupt: "restore it from a backup; keep the damaged file and what stands beside it"
    case .busy: "another process holds the file: end it"
    case .other: ""
    }
  }

  public var description: String {
    var words = "\(message) (SQLite \(extendedCode)"
    if systemError != 0 { words += ", errno \(systemError)" }
    words += ")"
    if !sql.isEmpty { words += " at \"\(sql.prefix(Self.shownCharacters))\"" }
    return remedy.isEmpty ? words : "\(words); \(remedy)"
  }

  /// Characters of a statement that a message repeats.
  private static let shownCharacters = 120
}
