import Glibc
import Protocol
import System

/// One stream of one attempt: what was printed and is not acknowledged yet.
///
/// Offsets count from the stream's first byte. What its caps call the head goes out as it comes; of what follows only
/// the tail is kept, and they go out once the end is known: what lies between is the cut. What the
/// coordinator does not take at once waits in memory up to a small bound, then in a file, so that a task is
/// never blocked and the agent stays small.
struct KeptStream {
  /// Bytes a stream keeps in memory: a little more than may be under way.
  static let memoryBytes = FrameLimits.unacknowledgedOutputBytes + (128 << 10)
  /// Bytes that go into the spool with the attempt's end; more is put into a file.
  static let spoolBytes = 16 << 10

  let fence: Fence
  let stream: OutputStream
  private let folder: OutputFolder
  private var caps: OutputCaps
  /// Bytes printed.
  private(set) var total: Int64 = 0
  /// Everything before it is committed at the coordinator, or cut away.
  private(set) var acknowledged: Int64 = 0
  /// Everything before it was sent on this connection, or is acknowledged.
  private(set) var sent: Int64 = 0
  private(set) var isEnded = false
  /// Bytes from `acknowledged` on, while there is no file.
  private(set) var memory: [UInt8] = []
  private(set) var file: KeptFile?
  private var isRefusalSaid = false
  /// Why some of it could not be kept; what is printed later may be kept again.
  private(set) var fault: SystemError?
  /// Up to where it was lost last; 0: nowhere.
  private(set) var lostUpTo: Int64 = 0
  /// The loss was told, on this connection, by what follows it.
  private var isCutTold = false

  init(_ fence: Fence, _ stream: OutputStream, in folder: OutputFolder) {
    self.fence = fence
    self.stream = stream
    self.folder = folder
    caps = folder.caps
  }

  /// What an earlier start left of a stream.
  enum Left {
    case file(KeptFileName)
    /// In the spool.
    case piece(KeptPiece)
    /// It was sent, most likely: the coordinator knows.
    case nothing
  }

  init(
    _ fence: Fence, _ stream: OutputStream, in folder: OutputFolder, total: Int64, left: Left
  ) throws(SystemError) {
    self.init(fence, stream, in: folder)
    self.total = total
    isEnded = true
    switch left {
    case .file(let name):
      caps = name.caps
      acknowledged = min(name.from, total)
      if acknowledged < total { file = try KeptFile(name, in: folder) }
    case .piece(let piece):
      acknowledged = piece.offset
      memory = piece.bytes
    case .nothing:
      acknowledged = total
      lostUpTo = total
    }
    sent = acknowledged
  }

  init(_ fence: Fence, _ stream: OutputStream, in folder: OutputFolder, takingOver left: HandedOver) {
    self.init(fence, stream, in: folder)
    total = left.total
    acknowledged = left.acknowledged
    sent = acknowledged
    isEnded = left.isEnded
    memory = left.memory
    lostUpTo = left.lostUpTo
    if !left.fault.isEmpty { fault = SystemError(.other, left.fault) }
    guard let name = left.file else { return }
    caps = name.caps
    do throws(SystemError) { file = try KeptFile(name, in: folder) } catch {
      lose(error)
    }
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
      if isTooMuch || total + Int64(bytes.count) > caps.headBytes { try makeFile() }
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
    let file = try KeptFile(KeptFileName(fence, stream, from: acknowledged, caps), in: folder)
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

  private var sendable: Int64 { isEnded ? total : min(total, caps.headBytes) }

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
    if isEnded, sent >= caps.headBytes, sent < total - caps.tailBytes {
      sent = total - caps.tailBytes
      acknowledged = sent
    }
  }

  mutating func acknowledge(_ offset: Int64) {
    let offset = min(offset, sent)
    if offset <= acknowledged { return }
    if file == nil { memory.removeFirst(min(memory.count, Int(offset - acknowledged))) }
    acknowledged = offset
    // A burst that is over: back to memory.
    if file != nil, acknowledged == total, isEnded || total < caps.headBytes { drop() }
  }

  /// What was sent on it may never have arrived.
  mutating func connectionLost() {
    sent = acknowledged
    isCutTold = false
  }

  /// Nobody needs it any more.
  mutating func forget() { drop() }
}
