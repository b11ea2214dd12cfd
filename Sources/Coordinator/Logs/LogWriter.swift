import Protocol
import SQLite

/// The one writing connection of `logs.db`: drops what is there already and joins what belongs together.
///
/// `@unchecked Sendable`: the writing thread alone uses it, once it is made.
final class LogWriter: @unchecked Sendable {
  /// Pieces of a stream that come in one batch are joined up to this many bytes: a row for each line that a
  /// task prints would cost far more than its bytes.
  static let chunkBytes = 64 << 10
  /// Pages of log beyond which they are moved into the database, and beyond which that waits for readers.
  static let checkpointPages: Int32 = 4000
  static let restartPages: Int32 = 32_000
  /// Streams whose ends are remembered; others are looked up again.
  static let rememberedEnds = 65_536

  private let database: Connection
  /// Where each stream ends that was written lately.
  private var ends: [LogStream: Int64] = [:]

  /// Chunks of the batch under way, in order of appearance, and where each stream's last one is.
  private var open: [OutputPiece] = []
  private var openIndex: [LogStream: Int] = [:]

  init(_ directory: DataDirectory, software: String) throws(StoreFault) {
    try directory.makePrivate("logs.db")
    let path = directory.file("logs.db")
    database = try storing("opening \(path)") { () throws(SQLiteFault) in
      let database = try Connection(path: path, .readWrite)
      try database.prepareForWriting()
      return database
    }
    try Schema.logs.bring(database, software: software)
  }

  /// Writes all of it in one transaction. Answers the streams that have grown.
  func write(_ work: [LogWork]) throws(StoreFault) -> [LogStream] {
    guard work.contains(where: { !$0.pieces.isEmpty || !$0.deleted.isEmpty }) else { return [] }
    if ends.count > LogWriter.rememberedEnds { ends = [:] }
    open.removeAll(keepingCapacity: true)
    openIndex.removeAll(keepingCapacity: true)
    return try storing("writing logs.db") { () throws(SQLiteFault) in
      try database.transaction(.immediate) { () throws(SQLiteFault) in
        var grown: [LogStream] = []
        for item in work {
          for piece in item.pieces { try add(piece) }
          if !item.deleted.isEmpty {
            grown += try flush()
            for fence in item.deleted { try delete(fence) }
          }
        }
        return grown + (try flush())
      }
    }
  }

  /// To be called between batches.
  func tidy() throws(StoreFault) {
    guard database.logPages > LogWriter.checkpointPages else { return }
    try storing("moving the log into logs.db") { () throws(SQLiteFault) in
      let isAll = try database.checkpoint(.passive)
      if !isAll && database.logPages > LogWriter.restartPages { try database.checkpoint(.truncate) }
    }
  }

  private func add(_ piece: OutputPiece) throws(SQLiteFault) {
    let end = try end(of: piece.stream)
    if piece.end <= end { return }
    ends[piece.stream] = piece.end
    var piece = piece
    if piece.offset < end {
      piece.bytes.removeFirst(Int(end - piece.offset))
      piece.offset = end
    }
    if let last = openIndex[piece.stream], open[last].end == piece.offset,
      open[last].bytes.count + piece.bytes.count <= LogWriter.chunkBytes
    {
      open[last].bytes += piece.bytes
    } else {
      openIndex[piece.stream] = open.count
      open.append(piece)
    }
  }

  private func end(of stream: LogStream) throws(SQLiteFault) -> Int64 {
    if let end = ends[stream] { return end }
    return try LogReader.end(of: stream, in: database)
  }

  private func flush() throws(SQLiteFault) -> [LogStream] {
    let insert = try database.statement("INSERT INTO chunk VALUES (?, ?, ?, ?)")
    var grown: [LogStream] = []
    for (index, piece) in open.enumerated() {
      insert.bind(1, piece.stream.fence.value)
      insert.bind(2, piece.stream.stream.rawValue)
      insert.bind(3, piece.offset)
      try piece.bytes.withUnsafeBufferPointer { bytes throws(SQLiteFault) in
        insert.bind(4, borrowed: bytes)
        try insert.run()
      }
      if openIndex[piece.stream] == index { grown.append(piece.stream) }
    }
    open.removeAll(keepingCapacity: true)
    openIndex.removeAll(keepingCapacity: true)
    return grown
  }

  private func delete(_ fence: Fence) throws(SQLiteFault) {
    let statement = try database.statement("DELETE FROM chunk WHERE fence = ?")
    statement.bind(1, fence.value)
    try statement.run()
    for stream in OutputStream.allCases { ends[LogStream(fence, stream)] = nil }
  }
}
