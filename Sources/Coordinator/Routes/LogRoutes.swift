import HTTP
import Protocol
import Scheduling

/// `/v1/dagrun/{runid}/task/{taskName}/log`: an attempt's output as it was printed, byte by byte.
struct LogRoutes {
  enum Stream: String, CaseIterable, Sendable {
    case stdout, stderr
    /// What the agent did, in words.
    case executor

    /// The stream of the attempt's output; nil: it is no output.
    var kept: OutputStream? {
      switch self {
      case .stdout: .stdout
      case .stderr: .stderr
      case .executor: nil
      }
    }
  }

  let source: LogSource
  let followers: LogFollowers
  let clock: FollowClock

  var routes: [Route] {
    [
      .now("GET", "/v1/dagrun/{runid}/task/{taskName}/log", .read) { (call) throws(Problem) in
        try answer(call)
      }
    ]
  }

  private func answer(_ call: Call) throws(Problem) -> Response {
    let stream: Stream = try call.word("stream") ?? .stdout
    let offset = try call.count("offset", 0...Int64.max) ?? 0
    let number = try call.count("attempt", 1...Int64(Int32.max)).map { AttemptNumber(Int32($0)) }
    let (key, layout) = try RunLookup(reader: source.reader).task(call)
    let type = (name: "Content-Type", value: "text/plain; charset=utf-8")
    if try call.flag("follow") {
      if let number { try refusePruned(try attempt(number, of: key, call), stream, layout) }
      let body = FollowedLog(key, number, stream, from: offset, source, followers, clock)
      return Response(status: 200, headers: [type], body: .stream(body))
    }
    let row = try attempt(number, of: key, call)
    try refusePruned(row, stream, layout)
    let size = try reading { () throws(StoreFault) in try source.size(row, stream) }
    let range = try range(call.request, offset: offset, size: size)
    var response = Response(
      status: range.isPart ? 206 : 200,
      headers: [
        type, ("Accept-Ranges", "bytes"), ("Caravan-Attempt", String(row.number.value)),
        ("Caravan-Log-Bytes", String(size)),
      ], body: .stream(StoredLog(row, stream, range.bytes, source)))
    if range.isPart {
      let last = range.bytes.upperBound - 1
      response.headers.append(("Content-Range", "bytes \(range.bytes.lowerBound)-\(last)/\(size)"))
    }
    return response
  }

  private func refusePruned(_ row: AttemptRow, _ stream: Stream, _ layout: RunLayout) throws(Problem) {
    guard let kept = stream.kept else { return }
    let found = try reading { () throws(StoreFault) in try source.logs.find(row, kept) }
    guard found.isPruned else { return }
    throw Problem(
      410,
      "the \(stream.rawValue) of attempt \(row.number) of \"\(layout.taskName(row.key.task))\" (\(found.printed) bytes) was "
        + "removed: the coordinator keeps the logs of ended runs only for so long, or so much of them (--keep-logs-days, "
        + "--keep-logs-mb); what became of the attempt is kept, and stream=executor")
  }

  private func range(
    _ request: Request, offset: Int64, size: Int64
  ) throws(Problem) -> (bytes: Range<Int64>, isPart: Bool) {
    guard let range = request.header("range").flatMap({ ByteRange($0) }) else {
      return (min(offset, size)..<size, false)
    }
    guard let bytes = range.resolved(in: size) else {
      throw Problem(
        416, "the log has \(size) bytes as yet; the range lies beyond",
        headers: [("Content-Range", "bytes */\(size)")])
    }
    return (bytes, true)
  }

  private func attempt(_ number: AttemptNumber?, of key: TaskKey, _ call: Call) throws(Problem) -> AttemptRow
  {
    let found = try reading { () throws(StoreFault) in
      try source.attempt(number, of: key)
    }
    if let found { return found }
    let name = call.values[1]
    guard let number else {
      throw Problem(404, "\"\(name)\" was not started as yet: it has no log; follow=1 waits for it")
    }
    throw Problem(404, "\"\(name)\" has no attempt \(number); GET …/attempts lists them")
  }
}

/// The three streams of an attempt read alike.
struct LogSource {
  let reader: StoreReader
  let logs: LogReader

  /// nil as number: the latest.
  func attempt(_ number: AttemptNumber?, of key: TaskKey) throws(StoreFault) -> AttemptRow? {
    guard let number else { return try reader.attempts(of: key).last }
    let rows = try reader.attempts(of: key.run, from: key.task, number: number, limit: 1)
    return rows.first { $0.key == key && $0.number == number }
  }

  func size(_ row: AttemptRow, _ stream: LogRoutes.Stream) throws(StoreFault) -> Int64 {
    if let kept = stream.kept { return try logs.find(row, kept).kept }
    return Int64(row.words.utf8.count)
  }

  func read(
    _ row: AttemptRow, _ stream: LogRoutes.Stream, from offset: Int64, limit: Int
  ) throws(StoreFault) -> [UInt8] {
    if let kept = stream.kept { return try logs.read(row.fence, kept, from: offset, limit: limit) }
    let words = Array(row.words.utf8)
    let first = Int(min(offset, Int64(words.count)))
    return Array(words[first..<min(words.count, first + limit)])
  }
}

/// What there is of a log now.
///
/// `@unchecked Sendable`: a `BodySource` is used by one thread at a time.
final class StoredLog: BodySource, @unchecked Sendable {
  private static let pieceBytes: Int64 = 128 << 10
  private let row: AttemptRow
  private let stream: LogRoutes.Stream
  private let log: LogSource
  private var bytes: Range<Int64>

  init(_ row: AttemptRow, _ stream: LogRoutes.Stream, _ bytes: Range<Int64>, _ log: LogSource) {
    self.row = row
    self.stream = stream
    self.bytes = bytes
    self.log = log
  }

  func next(wake: @escaping @Sendable () -> Void) -> BodyPiece {
    if bytes.isEmpty { return .end }
    let limit = Int(min(Self.pieceBytes, Int64(bytes.count)))
    do throws(StoreFault) {
      let read = try log.read(row, stream, from: bytes.lowerBound, limit: limit)
      // Fewer bytes than the size said: cut off rather than pass for whole.
      if read.isEmpty { return .failed }
      bytes = bytes.lowerBound + Int64(read.count)..<bytes.upperBound
      return .bytes(read)
    } catch {
      return .failed
    }
  }

  func close() {}
}
