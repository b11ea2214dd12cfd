import Glibc
import Protocol
import Scheduling
import System

/// The agent's memory beyond its own process: a line for each start, end and acknowledgement of an attempt, and for
/// what an ended one has printed that is not acknowledged and in no file.
///
/// Not synced to the disk: the kernel keeps what a killed process wrote, and a power loss ends the attempts
/// too, which the boot id shows. A start is written before its fork; all else of a turn goes out in one write, before
/// the frames that it is about, and after the forks, since a slot stands empty until then. The file is written anew,
/// with what is still open, whenever it has grown large.
///
/// A disk that refuses stops no work: what is lost is only that results which are not handed in when this process
/// dies are handed in by the next one. It is said, and tried again.
final class Spool {
  /// After a failure nothing is written for this long.
  private static let retryTime = Period.seconds(5)
  /// Bytes after which the file is written anew.
  private static let compactionBytes = 4 << 20

  private let path: String
  private let header: SpoolLine
  private var file: AppendedFile?
  private var size = 0
  /// The disk refused; nil: it did not.
  private var brokenUntil: Instant?
  private var starts = JSONLines()
  private var pending: [SpoolLine] = []
  /// What the next start would have to know; walked in the order of fences only.
  private var open: [Fence: SpooledAttempt] = [:]

  /// Begins the file of this start with what earlier ones left.
  init(folder: String, incarnation: Incarnation, left: [Fence: SpooledAttempt]) throws(SystemError) {
    path = Self.path(folder, incarnation.startNumber)
    header = .header(bootID: incarnation.bootID)
    open = left
    try rewrite()
  }

  static func path(_ folder: String, _ startNumber: Int64) -> String { "\(folder)/\(startNumber).attempts" }

  func append(_ record: SpoolRecord) {
    open.take(.record(record))
    if case .started = record { starts.append(.record(record)) } else { pending.append(.record(record)) }
  }

  /// Before the record of its end.
  func append(_ fence: Fence, _ stream: OutputStream, _ piece: KeptPiece) {
    open.take(.output(fence, stream, piece))
    pending.append(.output(fence, stream, piece))
  }

  /// Writes what was appended.
  func flush() {
    if pending.isEmpty { return flushStarts() }
    // A start is before what else there is of its attempt.
    for line in pending { starts.append(line) }
    pending.removeAll(keepingCapacity: true)
    flushStarts()
  }

  /// Writes what was appended of starts.
  func flushStarts() {
    if starts.isEmpty { return }
    if let brokenUntil, Instant.now() < brokenUntil { return starts.removeAll() }
    do throws(SystemError) {
      if brokenUntil != nil || size > Self.compactionBytes { return try rewrite() }
      let bytes = starts.take()
      size += bytes.count
      try Failpoint.spoolAppendBefore.pass(or: SystemError("cannot write \(path)", errno: ENOSPC))
      try file?.append(bytes)
      Failpoint.spoolAppendAfter.pass()
    } catch {
      if brokenUntil == nil { Say.line("results are not kept for a next start: \(error.message)") }
      brokenUntil = .now() + Self.retryTime
    }
  }

  /// All that a later program must know, as lines of the file.
  func handOver() -> [UInt8] {
    var lines = JSONLines()
    write(to: &lines)
    return lines.take()
  }

  /// Everything was handed over: the next start has nothing to know.
  func remove() {
    file = nil
    unlink(path)
  }

  private func rewrite() throws(SystemError) {
    var lines = JSONLines()
    write(to: &lines)
    starts.removeAll()
    pending.removeAll(keepingCapacity: true)
    let bytes = lines.take()
    try Files.writeAtomically(bytes, to: path)
    file = try AppendedFile(path)
    size = bytes.count
    brokenUntil = nil
  }

  private func write(to lines: inout JSONLines) {
    lines.append(header)
    for fence in open.keys.sorted() {
      lines.append(.record(.started(fence, open[fence]!.lease)))
      for stream in OutputStream.allCases {
        if let piece = open[fence]!.output[stream] { lines.append(.output(fence, stream, piece)) }
      }
      if let result = open[fence]!.result { lines.append(.record(.ended(fence, result))) }
    }
  }
}
