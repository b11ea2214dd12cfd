import Glibc
import Protocol
import System

/// One stream of one attempt: what was printed and is not acknowledged yet.
///
/// Offsets count from the stream's first byte. The first `headBytes` go out as they come; of what follows only
/// the last `tailBytes` are kept, and they go out once the end is known: what lies between is the cut. What the
/// coordinator does not take at once waits in memory up to a small bound, then in a file, so that a task is
/// never blocked and the agent stays small.
struct KeptStream {
  static let headBytes: Int64 = 16 << 20
  static let tailBytes: Int64 = 48 << 20
  /// Bytes a stream keeps in memory: a little more than may be under way.
  static let memoryBytes = FrameLimits.unacknowledgedOutputBytes + (128 << 10)
  /// Bytes that go into the spool with the attempt's end; more is put into a file.
  static let spoolBytes = 16 << 10

  let fence: Fence
  let stream: OutputStream
  private let folder: String
  /// Bytes printed.
  private(set) var total: Int64 = 0
  /// Everything before it is committed at the coordinator, or cut away.
  private(set) var acknowledged: Int64 = 0
  /// Everything before it was sent on this connection, or is acknowledged.
  private(set) var sent: Int64 = 0
  private var isEnded = false
  /// Bytes from `acknowledged` on, while there is no file.
  private var memory: [UInt8] = []
  private var file: KeptFile?
  private var isRefusalSaid = false
  /// Why some of it could not be kept; what is printed later may be kept again.
  private(set) var fault: SystemError?
  /// Up to where it was lost last; 0: nowhere.
  private var lostUpTo: Int64 = 0
  /// The loss was told, on this connection, by what follows it.
  private var isCutTold = false

  init(_ fence: Fence, _ stream: OutputStream, folder: String) {
    self.fence = fence
    self.stream = stream
    self.folder = folder
  }

  /// What an earlier start left of a stream.
  enum Left {
    /// From that offset on it is in the file.
    case file(from: Int64)
    /// In the spool.
    case piece(KeptPiece)
    /// It was sent, most likely: the coordinator knows.
    case nothing
  }

  init(
    _ fence: Fence, _ stream: OutputStream, folder: String, total: Int64, left: Left
  ) throws(SystemError) {
    self.init(fence, stream, folder: folder)
    self.total = total
    isEnded = true
    switch left {
    case .file(let from):
      acknowledged = min(from, total)
      if acknowledged < total { file = try KeptFile(Self.path(folder, fence, stream, from)) }
    case .piece(let piece):
      acknowledged = piece.offset
      memory = piece.bytes
    case .nothing:
      acknowledged = total
      lostUpTo = total
    }
    sent = acknowledged
  }

  static func path(_ folder: String, _ fence: Fence, _ stream: OutputStream, _ from: Int64) -> String {
    "\(folder)/\(fence).\(stream.name).\(from)"
  }

  // MARK: In

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    let failure = keep(bytes)
    total += Int64(bytes.count)
    if let failure { lose(failure) }
  }

  private mutating func keep(_ bytes: UnsafeRawBufferPointer) -> SystemError? {
    let isTooMuch = memory.count + bytes.count > Self.memoryBytes
    do throws(SystemError) {
      if isTooMuch || total + Int64(bytes.count) > Self.headBytes { try makeFile() }
      if let file {
        try file.write(bytes, at: total)
      } else {
        memory.append(contentsOf: bytes)
      }
      return nil
    } catch {
      return error
    }
  }

  /// The end is known: the tail may go out.
  mutating func end() { isEnded = true }

  /// What only memory holds once the end is known, if that is little: the next start finds it in the spool. More is
  /// put into a file.
  mutating func spool() -> KeptPiece? {
    if memory.count <= Self.spoolBytes {
      return memory.isEmpty ? nil : KeptPiece(offset: acknowledged, bytes: memory)
    }
    moveToFile()
    return nil
  }

  /// Puts what waits in memory on disk, where the next start of this agent finds it. A disk that refuses leaves it
  /// in memory.
  mutating func moveToFile() {
    do throws(SystemError) {
      try makeFile()
    } catch {
      if !isRefusalSaid { Say.line("output of attempt \(fence) is kept in memory only: \(error.message)") }
      isRefusalSaid = true
    }
  }

  private mutating func makeFile() throws(SystemError) {
    if file != nil { return }
    let file = try KeptFile(Self.path(folder, fence, stream, acknowledged))
    do throws(SystemError) {
      try memory.withUnsafeBufferPointer { (bytes) throws(SystemError) in
        try file.write(UnsafeRawBufferPointer(bytes), at: acknowledged)
      }
    } catch {
      // Half of it would be taken for all of it by the next start.
      file.remove()
      throw error
    }
    memory = []
    self.file = file
  }

  /// A disk that refuses costs the output that waits, never the task.
  private mutating func lose(_ error: SystemError) {
    if fault == nil { Say.line("output of attempt \(fence) is cut: \(error.message)") }
    fault = fault ?? error
    drop()
    acknowledged = total
    sent = total
    lostUpTo = total
    isCutTold = false
  }

  private mutating func drop() {
    memory = []
    file?.remove()
    file = nil
  }

  // MARK: Out

  /// Whether something may go out now, window aside.
  var hasMore: Bool { sent < sendable || isCutDue }
  /// All that is kept was sent, and nothing can follow.
  var isDelivered: Bool { isEnded && sent == total && !isCutDue }
  var isAcknowledged: Bool { isEnded && acknowledged == total }
  var unacknowledged: Int64 { sent - acknowledged }
  /// Bytes that the coordinator does not have yet, as far as is known.
  var unacknowledgedOrUnsent: Int64 { total - acknowledged }

  /// The end of it was lost: no byte follows that would show it.
  private var isCutDue: Bool { isEnded && lostUpTo > 0 && lostUpTo == total && !isCutTold }

  private var sendable: Int64 { isEnded ? total : min(total, Self.headBytes) }

  /// The next bytes to send, at most `limit`, or none at an offset up to which all was lost; nil: nothing is left
  /// after all.
  mutating func next(limit: Int) -> (offset: Int64, bytes: [UInt8])? {
    skipCut()
    let count = min(Int64(limit), sendable - sent)
    if count <= 0 {
      if !isCutDue { return nil }
      isCutTold = true
      return (total, [])
    }
    let offset = sent
    guard let file else {
      let at = Int(offset - acknowledged)
      sent += count
      return (offset, Array(memory[at..<at + Int(count)]))
    }
    do throws(SystemError) {
      let bytes = try file.read(at: offset, count: Int(count))
      sent += Int64(bytes.count)
      return (offset, bytes)
    } catch {
      lose(error)
      return nil
    }
  }

  /// Nothing is there between the head and the tail.
  private mutating func skipCut() {
    if isEnded, sent >= Self.headBytes, sent < total - Self.tailBytes {
      sent = total - Self.tailBytes
      acknowledged = sent
    }
  }

  mutating func acknowledge(_ offset: Int64) {
    let offset = min(offset, sent)
    if offset <= acknowledged { return }
    if file == nil { memory.removeFirst(min(memory.count, Int(offset - acknowledged))) }
    acknowledged = offset
    // A burst that is over: back to memory.
    if file != nil, acknowledged == total, isEnded || total < Self.headBytes { drop() }
  }

  /// What was sent on it may never have arrived.
  mutating func connectionLost() {
    sent = acknowledged
    isCutTold = false
  }

  /// Nobody needs it any more.
  mutating func forget() { drop() }
}
