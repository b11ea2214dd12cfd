import Protocol
import SQLite

/// Reads committed output, by any thread. Offsets count the bytes that are kept, from 0 and without gaps.
struct LogReader: Sendable {
  private let pool: ReaderPool

  init(path: String) { pool = ReaderPool(path: path) }

  func end(_ fence: Fence, _ stream: OutputStream) throws(StoreFault) -> LogEnd {
    try pool.read { database throws(SQLiteFault) in
      try LogReader.end(of: LogStream(fence, stream), in: database)
    }
  }

  /// Bytes that are kept up to now.
  func size(_ fence: Fence, _ stream: OutputStream) throws(StoreFault) -> Int64 {
    try end(fence, stream).kept
  }

  /// The bytes at an offset, at most `limit`; empty at the end.
  func read(
    _ fence: Fence, _ stream: OutputStream, from offset: Int64, limit: Int
  ) throws(StoreFault) -> [UInt8] {
    try pool.read { database throws(SQLiteFault) in
      // From the chunk that holds `offset` on.
      let statement = try database.statement(
        """
        SELECT offset, bytes FROM chunk WHERE fence = ?1 AND stream = ?2 AND offset >= coalesce(
          (SELECT max(offset) FROM chunk WHERE fence = ?1 AND stream = ?2 AND offset <= ?3), ?3)
        ORDER BY offset
        """)
      LogReader.bind(LogStream(fence, stream), to: statement)
      statement.bind(3, offset)
      var bytes: [UInt8] = []
      try statement.eachWhile { row throws(SQLiteFault) in
        let skipped = offset + Int64(bytes.count) - (try row.integer(0))
        row.withBlob(1) { blob in
          bytes.append(contentsOf: blob.dropFirst(Int(clamping: skipped)).prefix(limit - bytes.count))
        }
        return bytes.count < limit
      }
      return bytes
    }
  }

  enum Whole: Hashable, Sendable {
    case bytes([UInt8])
    /// More than the limit was printed.
    case tooLong(Int64)
    /// The agent cut something away.
    case cut
  }

  /// All of a stream, as a generator's output is needed.
  func whole(_ fence: Fence, _ stream: OutputStream, limit: Int) throws(StoreFault) -> Whole {
    let end = try end(fence, stream)
    if end.printed > Int64(limit) { return .tooLong(end.printed) }
    if end.cuts > 0 { return .cut }
    return .bytes(try read(fence, stream, from: 0, limit: Int(end.kept)))
  }

  /// Runs `body` on one snapshot.
  func read<Result>(_ body: (Connection) throws(SQLiteFault) -> Result) throws(StoreFault) -> Result {
    try pool.read(body)
  }

  // MARK: On one connection

  static func end(of stream: LogStream, in database: Connection) throws(SQLiteFault) -> LogEnd {
    let last = try database.statement(
      """
      SELECT offset + length(bytes), lead, cuts FROM chunk WHERE fence = ? AND stream = ?
      ORDER BY offset DESC LIMIT 1
      """)
    bind(stream, to: last)
    return try last.first { row throws(SQLiteFault) in
      let kept: Int64 = try row.integer(0)
      return LogEnd(kept: kept, printed: kept + (try row.integer(1)), cuts: try row.integer(2))
    } ?? LogEnd()
  }

  private static func bind(_ stream: LogStream, to statement: Statement) {
    statement.bind(1, stream.fence.value)
    statement.bind(2, stream.stream.rawValue)
  }
}
