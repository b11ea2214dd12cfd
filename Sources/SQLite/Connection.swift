import CSQLite
import Glibc

/// One connection to one database file, used by one thread at a time: it is opened without SQLite's own
/// mutexes (https://www.sqlite.org/threadsafe.html, "multi-thread").
///
/// Statements written as literals are compiled once and kept: compiling costs more than most of them run.
/// The cache goes by the literal's address, so finding one costs no hash of its text.
public final class Connection {
  public enum Access: Sendable {
    /// Made where it is missing.
    case readWrite
    /// Never writes, never checkpoints; the file must be there.
    case readOnly
  }

  public enum Transaction: Sendable {
    /// Takes the write lock at once: it can't fail midway because another has it.
    case immediate
    /// Reads one snapshot.
    case deferred
  }

  public enum Checkpoint: Sendable {
    /// Copies what it can without waiting for readers.
    case passive
    /// Waits for readers (no longer than the busy time-out), then begins the log anew at length 0.
    case truncate
  }

  /// How long a lock of somebody else's is waited for, in milliseconds.
  public static let busyMilliseconds: Int32 = 5000

  let handle: OpaquePointer
  private var kept: [UInt: Statement] = [:]
  /// Pages in the write-ahead log after the last commit of this connection.
  public internal(set) var logPages: Int32 = 0

  public init(path: String, _ access: Access) throws(SQLiteFault) {
    var opened: OpaquePointer?
    let flags =
      switch access {
      case .readWrite: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      case .readOnly: SQLITE_OPEN_READONLY
      }
    errno = 0
    let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard code == SQLITE_OK, let opened else {
      let fault = SQLiteFault(code, of: opened, sql: "open \(path)", systemError: errno)
      sqlite3_close_v2(opened)
      throw fault
    }
    handle = opened
    keepLogOnClose(true)
    sqlite3_busy_timeout(handle, Connection.busyMilliseconds)
    // Replaces SQLite's automatic checkpoint, which is this same hook: only `checkpoint` does one.
    sqlite3_wal_hook(handle, noteLogPages, Unmanaged.passUnretained(self).toOpaque())
    // open_v2 touches nothing; this reads the file, so that what is wrong with it shows here.
    try execute("PRAGMA schema_version")
  }

  deinit {
    kept = [:]
    sqlite3_wal_hook(handle, nil, nil)
    // Waits for statements that are still held elsewhere.
    sqlite3_close_v2(handle)
  }

  /// Whether the last connection's end leaves the write-ahead log where it is. So it does at first: who finds
  /// the log damaged must not move into the database what can be read of it, and remove the rest.
  public func keepLogOnClose(_ keeps: Bool) { caravan_sqlite_keep_log_on_close(handle, keeps ? 1 : 0) }

  /// Runs a script; rows are thrown away.
  public func execute(_ script: String) throws(SQLiteFault) {
    errno = 0
    let code = sqlite3_exec(handle, script, nil, nil, nil)
    guard code == SQLITE_OK else { throw SQLiteFault(code, of: handle, sql: script, systemError: errno) }
  }

  /// The kept statement of this literal.
  public func statement(_ sql: StaticString) throws(SQLiteFault) -> Statement {
    let address = UInt(bitPattern: sql.utf8Start)
    if let statement = kept[address] { return statement }
    let statement = try prepare(sql.description)
    kept[address] = statement
    return statement
  }

  /// A statement of its own, for text that is put together.
  public func prepare(_ sql: String) throws(SQLiteFault) -> Statement {
    var compiled: OpaquePointer?
    errno = 0
    let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &compiled, nil)
    guard code == SQLITE_OK, let compiled else {
      throw SQLiteFault(code, of: handle, sql: sql, systemError: errno)
    }
    return Statement(compiled, of: handle)
  }

  /// Commits when `body` returns, rolls back when it throws.
  public func transaction<Result>(
    _ kind: Transaction, _ body: () throws(SQLiteFault) -> Result
  ) throws(SQLiteFault) -> Result {
    switch kind {
    case .immediate: try statement("BEGIN IMMEDIATE").run()
    case .deferred: try statement("BEGIN").run()
    }
    do {
      let result = try body()
      try statement("COMMIT").run()
      return result
    } catch {
      // Many failures have rolled back by themselves (https://www.sqlite.org/lang_transaction.html); then
      // there is nothing left to do, and `error` is what people should read either way.
      if sqlite3_get_autocommit(handle) == 0 { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
      throw error
    }
  }

  /// Rows that the last statement changed.
  public var changedRows: Int { Int(sqlite3_changes64(handle)) }

  /// Moves the write-ahead log's pages into the database. Answers whether all of them are there now.
  @discardableResult
  public func checkpoint(_ mode: Checkpoint) throws(SQLiteFault) -> Bool {
    var pages: Int32 = 0
    var moved: Int32 = 0
    let flag =
      switch mode {
      case .passive: SQLITE_CHECKPOINT_PASSIVE
      case .truncate: SQLITE_CHECKPOINT_TRUNCATE
      }
    errno = 0
    let code = sqlite3_wal_checkpoint_v2(handle, nil, flag, &pages, &moved)
    // Busy: a reader kept part of it from moving; the next one moves it.
    guard code == SQLITE_OK || code & 0xff == SQLITE_BUSY else {
      throw SQLiteFault(code, of: handle, sql: "checkpoint", systemError: errno)
    }
    return pages == moved
  }
}

private let noteLogPages:
  @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = {
    context, _, _, pages in
    Unmanaged<Connection>.fromOpaque(context!).takeUnretainedValue().logPages = pages
    return SQLITE_OK
  }
