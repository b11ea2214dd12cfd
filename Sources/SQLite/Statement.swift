import CSQLite
import Glibc

/// A compiled statement. Parameters count from 1, columns from 0, as in SQLite.
///
/// `run`, `each` and `first` end with the statement reset and its parameters cleared, so that it holds no
/// snapshot and no memory of the caller's. A binding that fails is told by the run that follows it.
public final class Statement {
  private let handle: OpaquePointer
  private let database: OpaquePointer
  private var bindingFailure = SQLITE_OK

  init(_ handle: OpaquePointer, of database: OpaquePointer) {
    self.handle = handle
    self.database = database
  }

  deinit { sqlite3_finalize(handle) }

  public var sql: String { String(cString: sqlite3_sql(handle)) }

  // MARK: Parameters

  public func bind(_ parameter: Int32, _ value: Int64) {
    note(sqlite3_bind_int64(handle, parameter, value))
  }

  // Inlined, since a generic call into another module costs more than the binding.
  @inlinable public func bind(_ parameter: Int32, _ value: some FixedWidthInteger) {
    bind(parameter, Int64(value))
  }

  @inlinable public func bind(_ parameter: Int32, _ value: (some FixedWidthInteger)?) {
    if let value { bind(parameter, Int64(value)) } else { bindNull(parameter) }
  }

  public func bind(_ parameter: Int32, _ value: Bool) { bind(parameter, value ? 1 as Int64 : 0) }

  public func bind(_ parameter: Int32, _ value: String) {
    var value = value
    value.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) { text in
        // A nil pointer would bind NULL.
        guard let start = text.baseAddress, !text.isEmpty else {
          note(sqlite3_bind_text(handle, parameter, "", 0, copied))
          return
        }
        note(
          sqlite3_bind_text64(handle, parameter, start, UInt64(text.count), copied, UInt8(SQLITE_UTF8)))
      }
    }
  }

  /// A blob, copied.
  public func bind(_ parameter: Int32, _ value: [UInt8]) {
    value.withUnsafeBytes { bind(parameter, $0, copied) }
  }

  /// A blob that is not copied: it must stay where it is until the statement has run.
  public func bind(_ parameter: Int32, borrowed value: UnsafeBufferPointer<UInt8>) {
    bind(parameter, UnsafeRawBufferPointer(value), nil)
  }

  public func bindNull(_ parameter: Int32) { note(sqlite3_bind_null(handle, parameter)) }

  private func bind(
    _ parameter: Int32, _ value: UnsafeRawBufferPointer, _ ownership: sqlite3_destructor_type?
  ) {
    // A nil pointer would bind NULL.
    guard let start = value.baseAddress, !value.isEmpty else {
      note(sqlite3_bind_zeroblob(handle, parameter, 0))
      return
    }
    note(sqlite3_bind_blob64(handle, parameter, start, UInt64(value.count), ownership))
  }

  private func note(_ code: Int32) {
    if code != SQLITE_OK && bindingFailure == SQLITE_OK { bindingFailure = code }
  }

  // MARK: Running

  /// Runs it to its end.
  public func run() throws(SQLiteFault) {
    defer { clear() }
    while try step() {}
  }

  /// Hands over each row in turn.
  public func each(_ row: (Row) throws(SQLiteFault) -> Void) throws(SQLiteFault) {
    defer { clear() }
    while try step() { try row(Row(handle)) }
  }

  /// Hands over rows until `row` answers false.
  public func eachWhile(_ row: (Row) throws(SQLiteFault) -> Bool) throws(SQLiteFault) {
    defer { clear() }
    while try step() { guard try row(Row(handle)) else { return } }
  }

  /// What `row` makes of the first row; nil where there is none.
  public func first<Result>(
    _ row: (Row) throws(SQLiteFault) -> Result
  ) throws(SQLiteFault) -> Result? {
    defer { clear() }
    return try step() ? row(Row(handle)) : nil
  }

  private func step() throws(SQLiteFault) -> Bool {
    guard bindingFailure == SQLITE_OK else {
      throw SQLiteFault(
        code: bindingFailure, message: String(cString: sqlite3_errstr(bindingFailure)), sql: sql)
    }
    errno = 0
    let code = sqlite3_step(handle)
    switch code {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw SQLiteFault(code, of: database, sql: sql, systemError: errno)
    }
  }

  private func clear() {
    // Repeats the failure of the last step, which was thrown already.
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
    bindingFailure = SQLITE_OK
  }
}

/// SQLITE_TRANSIENT, a macro with a cast that Swift does not import: SQLite copies the bytes.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
