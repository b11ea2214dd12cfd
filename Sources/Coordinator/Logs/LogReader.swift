import Protocol
import SQLite

/// Reads committed output, by any thread. Offsets count what the attempt printed; where the agent cut
/// something away there is a gap.
struct LogReader: Sendable {
  private let pool: ReaderPool

  init(path: String) { pool = ReaderPool(path: path) }

  /// Bytes of a stream up to now, what was cut away included.
  func size(_ stream: LogStream) throws(StoreFault) -> Int64 {
    try pool.read { database throws(SQLiteFault) in try LogReader.end(of: stream, in: database) }
  }

  struct Tail: Hashable, Sendable {
    /// What is left of the last bytes; gaps among them are not filled.
    var bytes: [UInt8] = []
    /// Of the stream, up to now.
    var total: Int64 = 0
    /// Whether the stream has more than `bytes`.
    var isCut: Bool { Int64(bytes.count) < total }
  }

  /// The last `limit` bytes of each of these streams, in one snapshot.
  func tails(_ streams: [LogStream], bytes limit: Int) throws(StoreFault) -> [Tail] {
    try pool.read { database throws(SQLiteFault) in
      var tails: [Tail] = []
      tails.reserveCapacity(streams.count)
      for stream in streams { tails.append(try LogReader.tail(stream, limit, in: database)) }
      return tails
    }
  }

  func tail(_ stream: LogStream, bytes limit: Int) throws(StoreFault) -> Tail {
    try pool.read { database throws(SQLiteFault) in try LogReader.tail(stream, limit, in: database) }
  }

  struct Piece: Hashable, Sendable {
    /// What is missing before `bytes`: it begins where the caller asked.
    var gap: Range<Int64>?
    /// Empty: there is no more yet.
    var bytes: [UInt8] = []
    /// Where to go on.
    var next: Int64
  }

  /// At most `limit` bytes from `offset`; ends before a gap, which the piece after it then tells.
  func read(_ stream: LogStream, from offset: Int64, limit: Int) throws(StoreFault) -> Piece {
    try pool.read { database throws(SQLiteFault) in
      var piece = Piece(next: offset)
      // Which chunk holds `offset`, if any does; then those behind it.
      let before = try database.statement(
        """
        SELECT offset, bytes FROM chunk WHERE fence = ? AND stream = ? AND offset <= ?
        ORDER BY offset DESC LIMIT 1
        """)
      LogReader.bind(stream, to: before)
      before.bind(3, offset)
      try before.each { row throws(SQLiteFault) in _ = try LogReader.extend(&piece, with: row, limit) }
      let behind = try database.statement(
        "SELECT offset, bytes FROM chunk WHERE fence = ? AND stream = ? AND offset > ? ORDER BY offset")
      LogReader.bind(stream, to: behind)
      behind.bind(3, offset)
      if piece.bytes.count < limit {
        try behind.eachWhile { row throws(SQLiteFault) in try LogReader.extend(&piece, with: row, limit) }
      }
      return piece
    }
  }

  enum Whole: Hashable, Sendable {
    case bytes([UInt8])
    /// Larger than the limit: the number of bytes.
    case tooLong(Int64)
    /// The agent cut something away.
    case cut
  }

  /// All of a stream, as a generator's output is needed.
  func whole(_ stream: LogStream, limit: Int) throws(StoreFault) -> Whole {
    try pool.read { database throws(SQLiteFault) in
      let total = try LogReader.end(of: stream, in: database)
      if total > Int64(limit) { return .tooLong(total) }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(Int(total))
      let all = try database.statement(
        "SELECT bytes FROM chunk WHERE fence = ? AND stream = ? ORDER BY offset")
      LogReader.bind(stream, to: all)
      try all.each { row throws(SQLiteFault) in row.withBlob(0) { bytes.append(contentsOf: $0) } }
      return Int64(bytes.count) == total ? .bytes(bytes) : .cut
    }
  }

  // MARK: On one connection

  static func end(of stream: LogStream, in database: Connection) throws(SQLiteFault) -> Int64 {
    let last = try database.statement(
      """
      SELECT offset + length(bytes) FROM chunk WHERE fence = ? AND stream = ?
      ORDER BY offset DESC LIMIT 1
      """)
    bind(stream, to: last)
    return try last.first { row throws(SQLiteFault) in try row.integer(0) } ?? 0
  }

  private static func tail(
    _ stream: LogStream, _ limit: Int, in database: Connection
  ) throws(SQLiteFault) -> Tail {
    let backwards = try database.statement(
      "SELECT offset, bytes FROM chunk WHERE fence = ? AND stream = ? ORDER BY offset DESC")
    bind(stream, to: backwards)
    var tail = Tail()
    var pieces: [[UInt8]] = []
    var left = limit
    try backwards.eachWhile { row throws(SQLiteFault) in
      let start: Int64 = try row.integer(0)
      let bytes = row.withBlob(1) { blob in
        if pieces.isEmpty { tail.total = start + Int64(blob.count) }
        return Array(blob.suffix(left))
      }
      left -= bytes.count
      pieces.append(bytes)
      return left > 0
    }
    tail.bytes = pieces.count == 1 ? pieces[0] : Array(pieces.reversed().joined())
    return tail
  }

  /// Adds a chunk to a piece; answers whether more may follow.
  private static func extend(
    _ piece: inout Piece, with row: Row, _ limit: Int
  ) throws(SQLiteFault) -> Bool {
    let start: Int64 = try row.integer(0)
    if start > piece.next {
      guard piece.bytes.isEmpty else { return false }
      piece.gap = piece.next..<start
      piece.next = start
    }
    row.withBlob(1) { blob in
      let skipped = Int(clamping: piece.next - start)
      guard skipped < blob.count else { return }
      let taken = blob[skipped...].prefix(limit - piece.bytes.count)
      piece.bytes.append(contentsOf: taken)
      piece.next += Int64(taken.count)
    }
    return piece.bytes.count < limit
  }

  private static func bind(_ stream: LogStream, to statement: Statement) {
    statement.bind(1, stream.fence.value)
    statement.bind(2, stream.stream.rawValue)
  }
}
