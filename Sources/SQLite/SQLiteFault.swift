import CSQLite
import Glibc

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

  /// - Parameter systemError: errno as the call has left it, which had set it to 0 before. SQLite keeps it
  ///   only of some calls, and not where a commit fails.
  init(_ code: Int32, of handle: OpaquePointer?, sql: String, systemError: Int32) {
    guard let handle else {
      self.init(code: code, message: String(cString: sqlite3_errstr(code)), sql: sql)
      return
    }
    self.init(
      code: sqlite3_extended_errcode(handle) == SQLITE_OK ? code : sqlite3_extended_errcode(handle),
      message: String(cString: sqlite3_errmsg(handle)), sql: sql,
      systemError: code & 0xff == SQLITE_IOERR || code & 0xff == SQLITE_CANTOPEN ? systemError : 0)
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
    case SQLITE_IOERR: isForWantOfSpace ? .full : .io
    case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: .notWritable
    case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
    case SQLITE_BUSY, SQLITE_LOCKED: .busy
    default: .other
    }
  }

  /// SQLite says FULL for ENOSPC at a write only. A quota has another errno, and the shared memory of
  /// readers, which nothing durable depends on, another code. What fails in a sync is never such a thing:
  /// nobody knows what of it is on the disk.
  private var isForWantOfSpace: Bool {
    switch extendedCode {
    case Self.sharedMemorySize: true
    case Self.write: systemError == ENOSPC || systemError == EDQUOT
    default: false
    }
  }

  // Extended codes are macros with operators, which Swift does not import.
  private static let read = SQLITE_IOERR | (1 << 8)
  private static let shortRead = SQLITE_IOERR | (2 << 8)
  private static let write = SQLITE_IOERR | (3 << 8)
  private static let sync = SQLITE_IOERR | (4 << 8)
  private static let syncDirectory = SQLITE_IOERR | (5 << 8)
  private static let truncate = SQLITE_IOERR | (6 << 8)
  private static let sharedMemorySize = SQLITE_IOERR | (19 << 8)

  /// What the file system was asked for; nil where it was something else.
  private var operation: String? {
    switch extendedCode {
    case Self.read: "read"
    case Self.shortRead: "read (the file is shorter than it should be)"
    case Self.write: "write"
    case Self.sync: "fsync"
    case Self.syncDirectory: "fsync of the directory"
    case Self.truncate: "truncate"
    default: nil
    }
  }

  /// What to do; "" where nobody knows.
  public var remedy: String {
    switch kind {
    case .full: "free space on the file system that holds it"
    case .io: "look for disk errors in the kernel's log"
    case .notWritable: "check that the file, its directory and the file system can be written"
    case .corrupt:
      "restore it from a backup, or choose another directory; keep the damaged file and what stands beside it"
    case .busy: "another process holds the file: end it"
    case .other: ""
    }
  }

  public var description: String {
    var words = message
    if let operation { words += " in \(operation)" }
    if systemError != 0 { words += ": \(String(cString: strerror(systemError)))" }
    words += " (SQLite \(extendedCode))"
    if !sql.isEmpty { words += " at \"\(sql.prefix(Self.shownCharacters))\"" }
    return remedy.isEmpty ? words : "\(words); \(remedy)"
  }

  /// Characters of a statement that a message repeats.
  private static let shownCharacters = 120
}
