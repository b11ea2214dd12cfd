import Protocol
import Scheduling

/// How much of the logs an answer holds: `?logs=`.
enum LogShare: String, CaseIterable, Sendable {
  case full, none
  /// The last 64 KiB of each stream.
  case tail

  static let tailBytes: Int64 = 64 << 10
}

/// An answer in the making: JSON text, and logs that are read when their turn comes.
enum AnswerPiece {
  case text([UInt8])
  case log(Fence, OutputStream, Range<Int64>)
}

/// Attempts as the contract shows them, in pieces: a log may have 64 MiB, so it is never held whole.
struct AttemptPieces {
  let reader: StoreReader
  let logs: LogReader
  let show: LogShare
  /// Few agents run many attempts.
  private var names: [AgentID: String] = [:]

  init(reader: StoreReader, logs: LogReader, show: LogShare) {
    self.reader = reader
    self.logs = logs
    self.show = show
  }

  /// The pieces of one attempt's object.
  mutating func pieces(of row: AttemptRow) throws(StoreFault) -> [AnswerPiece] {
    let out = try share(row, .stdout)
    let err = try share(row, .stderr)
    let agent = try name(of: row.agent)
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("startTime", String(row.start.nanoseconds))
    writer.member("stopTime", String(row.state.isUnfinished ? 0 : row.stop.nanoseconds))
    writer.member("rc", row.state.isUnfinished ? -1 : row.rc)
    writer.name("outputLog")
    var pieces = [AnswerPiece.text(writer.drain()), .log(row.fence, .stdout, out.range)]
    // The log has written its own quotes.
    writer.raw([])
    writer.name("errorLog")
    pieces += [.text(writer.drain()), .log(row.fence, .stderr, err.range)]
    writer.raw([])
    writer.member("executorLog", row.words)
    writer.member("attempt", row.number.value)
    writer.member("state", row.state.name)
    writer.member("agent", agent)
    // A string: beyond 2⁵³ numbers are not exact in every reader.
    writer.member("fence", String(row.fence.value))
    writer.member("cpuSeconds") { $0.seconds(ofMicroseconds: row.cpuMicroseconds) }
    writer.member("peakMemoryKB", row.peakMemoryKB)
    writer.member("outputBytes", out.printed)
    writer.member("errorBytes", err.printed)
    if out.isCut { writer.member("outputLogCut", true) }
    if err.isCut { writer.member("errorLogCut", true) }
    if out.isPruned { writer.member("outputLogPruned", true) }
    if err.isPruned { writer.member("errorLogPruned", true) }
    writer.endObject()
    pieces.append(.text(writer.drain()))
    return pieces
  }

  /// A stream's part of the answer. What the agent cut away is cut too, and marked in the text itself.
  private struct Share {
    var range: Range<Int64>
    var printed: Int64
    var isCut: Bool
    var isPruned: Bool
  }

  private func share(_ row: AttemptRow, _ stream: OutputStream) throws(StoreFault) -> Share {
    let end = try logs.find(row, stream)
    let first =
      switch show {
      case .full: Int64(0)
      case .none: end.kept
      case .tail: max(0, end.kept - LogShare.tailBytes)
      }
    return Share(
      range: first..<end.kept, printed: end.printed, isCut: first > 0 || end.cuts > 0, isPruned: end.isPruned)
  }

  private mutating func name(of agent: AgentID) throws(StoreFault) -> String {
    if let name = names[agent] { return name }
    let name = try reader.agentName(agent) ?? ""
    names[agent] = name
    return name
  }
}

extension AttemptState {
  /// No exit code is known: it runs, or nobody saw it end.
  fileprivate var isUnfinished: Bool { isAlive || self == .lost }
}

/// Hands pieces out as bytes, a bounded number at a time.
struct PieceQueue {
  private static let logReadBytes = 64 << 10
  private let logs: LogReader
  private var pieces: [AnswerPiece] = []
  private var next = 0
  private var text: LogText?
  var bytes: [UInt8] = []

  init(_ logs: LogReader) { self.logs = logs }

  var isEmpty: Bool { next == pieces.count }

  mutating func add(_ more: [AnswerPiece]) {
    if isEmpty {
      pieces.removeAll(keepingCapacity: true)
      next = 0
    }
    pieces += more
  }

  /// Moves pieces into `bytes` until there are at least `enough`.
  mutating func fill(enough: Int) throws(StoreFault) {
    while !isEmpty, bytes.count < enough {
      switch pieces[next] {
      case .text(let text):
        bytes += text
        next += 1
      case .log(let fence, let stream, let range):
        var text = self.text ?? LogText(isCut: range.lowerBound > 0)
        let limit = min(Int64(Self.logReadBytes), range.upperBound - range.lowerBound)
        let read = limit > 0 ? try logs.read(fence, stream, from: range.lowerBound, limit: Int(limit)) : []
        // Removed since its size was read: the answer is cut off rather than pass for whole.
        if limit > 0 && read.isEmpty {
          throw StoreFault(.failed, "a log was removed while it was read: ask again")
        }
        text.add(read, into: &bytes)
        let at = range.lowerBound + Int64(read.count)
        if read.isEmpty || at >= range.upperBound {
          text.end(into: &bytes)
          self.text = nil
          next += 1
        } else {
          self.text = text
          pieces[next] = .log(fence, stream, at..<range.upperBound)
        }
      }
    }
  }
}

/// A log as a JSON string, from bytes that come in any portions: what is no UTF-8 shows as U+FFFD, and a
/// character that a portion's end cuts apart does not.
struct LogText {
  private var rest: [UInt8] = []
  private var isBegun = false
  private var isCut: Bool

  /// `isCut`: the first bytes may be the end of a character whose beginning is left out.
  init(isCut: Bool) { self.isCut = isCut }

  mutating func add(_ portion: [UInt8], into out: inout [UInt8]) {
    begin(&out)
    var portion = rest + portion
    if isCut, !portion.isEmpty {
      portion.removeFirst(min(3, portion.prefix { $0 & 0xC0 == 0x80 }.count))
      isCut = false
    }
    let held = Self.unfinished(portion)
    rest = Array(portion.suffix(held))
    write(portion.dropLast(held), into: &out)
  }

  mutating func end(into out: inout [UInt8]) {
    begin(&out)
    write(rest[...], into: &out)
    out.append(UInt8(ascii: "\""))
  }

  private mutating func begin(_ out: inout [UInt8]) {
    if !isBegun { out.append(UInt8(ascii: "\"")) }
    isBegun = true
  }

  private func write(_ portion: ArraySlice<UInt8>, into out: inout [UInt8]) {
    if portion.isEmpty { return }
    var writer = JSONWriter(capacity: portion.count + portion.count / 8 + 16)
    writer.string(lossy: portion)
    out += writer.bytes.dropFirst().dropLast()
  }

  /// How many of the last bytes may begin a character that goes on in the next portion.
  private static func unfinished(_ bytes: [UInt8]) -> Int {
    for back in 1..<4 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }
}
