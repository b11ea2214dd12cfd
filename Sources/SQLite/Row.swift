import CSQLite

/// The row a statement stands at; good only inside the closure it was given to.
public struct Row {
  private let handle: OpaquePointer

  init(_ handle: OpaquePointer) { self.handle = handle }

  public func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  public func integer64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  /// Faults where the number does not fit. (Inlined, as `Statement.bind` is.)
  @inlinable public func integer<T: FixedWidthInteger>(
    _ column: Int32, as: T.Type = T.self
  ) throws(SQLiteFault) -> T {
    let value = integer64(column)
    guard let exact = T(exactly: value) else { throw outOfRange(value, column) }
    return exact
  }

  @inlinable public func optionalInteger<T: FixedWidthInteger>(
    _ column: Int32, as: T.Type = T.self
  ) throws(SQLiteFault) -> T? {
    isNull(column) ? nil : try integer(column)
  }

  @usableFromInline func outOfRange(_ value: Int64, _ column: Int32) -> SQLiteFault {
    .corrupt(
      "\(value) in column \(String(cString: sqlite3_column_name(handle, column))) is out of range",
      sql: String(cString: sqlite3_sql(handle)))
  }

  public func boolean(_ column: Int32) -> Bool { sqlite3_column_int64(handle, column) != 0 }

  /// "" for NULL. What is no UTF-8 becomes U+FFFD.
  public func text(_ column: Int32) -> String {
    guard let start = sqlite3_column_text(handle, column) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  /// A copy; empty for NULL.
  public func blob(_ column: Int32) -> [UInt8] { withBlob(column) { Array($0) } }

  /// The bytes where SQLite holds them, for the length of `body`.
  public func withBlob<Result>(_ column: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    // The order matters: https://www.sqlite.org/c3ref/column_blob.html
    let start = sqlite3_column_blob(handle, column)
    let count = Int(sqlite3_column_bytes(handle, column))
    return body(
      UnsafeBufferPointer(start: start?.assumingMemoryBound(to: UInt8.self), count: start == nil ? 0 : count))
  }
}
