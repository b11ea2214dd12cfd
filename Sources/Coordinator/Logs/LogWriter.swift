import Protocol
import SQLite
import System

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

  private let file: DatabaseFile
  var database: Connection { file.connection }
  var path: String { file.path }
  /// Where each stream ends that was written lately.
  private var ends: [LogStream: LogEnd] = [:]

  /// A row to be.
  private struct Chunk {
    var stream: LogStream
    var bytes: [UInt8]
    /// Behind these bytes.
    var end: LogEnd
  }

  /// Chunks of the batch under way, in order of appearance, and where each stream's last one is.
  private var open: [Chunk] = []
  private var openIndex: [LogStream: Int] = [:]

  init(_ directory: DataDirectory, software: String) throws(StoreFault) {
    let file = try DatabaseFile(.logs, in: directory, software: software)
    self.file = file
    // Debian's SQLite writes zeros over all that is removed, so that removing output would cost as much as writing it.
    try storing("opening \(file.path)") { () throws(SQLiteFault) in
      try file.connection.execute("PRAGMA secure_delete = FAST")
    }
  }

  /// Writes all of it in one transaction. Answers the streams that have grown.
  func write(_ work: [LogWork]) throws(StoreFault) -> [LogStream] {
    guard work.contains(where: { !$0.pieces.isEmpty || !$0.deleted.isEmpty }) else { return [] }
    if ends.count > LogWriter.rememberedEnds { ends = [:] }
    open.removeAll(keepingCapacity: true)
    openIndex.removeAll(keepingCapacity: true)
    let written: (grown: [LogStream], commits: Int64)
    do {
      written = try storing("writing \(file.path)") { () throws(SQLiteFault) in
        try Failpoint.logsCommitBefore.pass(or: SQLiteFault.injectedFull)
        let written = try database.transaction(.immediate) { () throws(SQLiteFault) in
          let grown = try put(work)
          let commits = try countUp()
          try Failpoint.logsCommitWithin.pass(or: SQLiteFault.injectedFull)
          return (grown, commits)
        }
        try Failpoint.logsCommitAfter.pass(or: SQLiteFault.injectedInputOutput)
        return written
      }
    } catch {
      // They tell of what was rolled back.
      ends = [:]
      throw error
    }
    file.acknowledge(written.commits)
    return written.grown
  }

  private func put(_ work: [LogWork]) throws(SQLiteFault) -> [LogStream] {
    var grown: [LogStream] = []
    for item in work {
      for piece in item.pieces { try add(piece) }
      if !item.deleted.isEmpty {
        grown += try flush()
        for fence in item.deleted { try delete(fence) }
      }
    }
    return try grown + flush()
  }

  func countUp() throws(SQLiteFault) -> Int64 {
    let statement = try database.statement("UPDATE meta SET commits = commits + 1 RETURNING commits")
    let commits = try statement.first { row throws(SQLiteFault) in row.integer64(0) }
    guard let commits else { throw .corrupt("it has lost its count of commits") }
    return commits
  }

  /// To be called between batches.
  func tidy() throws(StoreFault) {
    guard database.logPages > LogWriter.checkpointPages else { return }
    let fault = StoreFault(.injectedInputOutput, doing: "moving the log into \(file.path)")
    try Failpoint.logsCheckpointBefore.pass(or: fault)
    try file.checkpoint(waitingBeyond: LogWriter.restartPages)
    Failpoint.logsCheckpointAfter.pass()
  }

  private func add(_ piece: OutputPiece) throws(SQLiteFault) {
    var end: LogEnd
    if let known = ends[piece.stream] {
      end = known
    } else {
      end = try LogReader.end(of: piece.stream, in: database)
    }
    if piece.end <= end.printed { return }
    var bytes = piece.bytes
    if piece.offset < end.printed {
      bytes.removeFirst(Int(end.printed - piece.offset))
    } else if piece.offset > end.printed {
      let mark = LogWriter.mark(cut: piece.offset - end.printed)
      end.kept += Int64(mark.count)
      end.printed = piece.offset
      end.cuts += 1
      append(mark, to: piece.stream, end)
    }
    end.kept += Int64(bytes.count)
    end.printed = piece.end
    append(bytes, to: piece.stream, end)
    ends[piece.stream] = end
  }

  /// What stands where an agent cut bytes away.
  static func mark(cut: Int64) -> [UInt8] { Array("\n[caravan: \(cut) bytes were cut away here]\n".utf8) }

  private func append(_ bytes: [UInt8], to stream: LogStream, _ end: LogEnd) {
    if let last = openIndex[stream], open[last].bytes.count + bytes.count <= LogWriter.chunkBytes {
      open[last].bytes += bytes
      open[last].end = end
    } else {
      openIndex[stream] = open.count
      open.append(Chunk(stream: stream, bytes: bytes, end: end))
    }
  }

  private func flush() throws(SQLiteFault) -> [LogStream] {
    let insert = try database.statement(
      "INSERT INTO chunk (fence, stream, offset, lead, cuts, bytes) VALUES (?, ?, ?, ?, ?, ?)")
    var grown: [LogStream] = []
    for (index, chunk) in open.enumerated() {
      insert.bind(1, chunk.stream.fence.value)
      insert.bind(2, chunk.stream.stream.rawValue)
      insert.bind(3, chunk.end.kept - Int64(chunk.bytes.count))
      insert.bind(4, chunk.end.printed - chunk.end.kept)
      insert.bind(5, chunk.end.cuts)
      try chunk.bytes.withUnsafeBufferPointer { bytes throws(SQLiteFault) in
        insert.bind(6, borrowed: bytes)
        try insert.run()
      }
      if openIndex[chunk.stream] == index { grown.append(chunk.stream) }
    }
    open.removeAll(keepingCapacity: true)
    openIndex.removeAll(keepingCapacity: true)
    return grown
  }

  /// Moves the log into the database, which is then cut to its length.
  func settle() throws(StoreFault) { try file.checkpoint(waitingBeyond: LogWriter.restartPages) }

  func acknowledge(_ commits: Int64) { file.acknowledge(commits) }

  /// Its end has moved.
  func forget(_ stream: LogStream) { ends[stream] = nil }

  private func delete(_ fence: Fence) throws(SQLiteFault) {
    let statement = try database.statement("DELETE FROM chunk WHERE fence = ?")
    statement.bind(1, fence.value)
    try statement.run()
    for stream in OutputStream.allCases { ends[LogStream(fence, stream)] = nil }
  }
}
