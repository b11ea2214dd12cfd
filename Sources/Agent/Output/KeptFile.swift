import CSystem
import Glibc
import System

/// One stream's output on disk, as far as it is kept: the head at its own offsets, behind it the tail in a ring.
/// So any offset's place is known without an index, and the file never grows beyond both.
final class KeptFile {
  let path: String
  private let file: FileDescriptor

  /// `from`: the offset from which on it holds the output; it is in the name, for the next start.
  init(_ path: String) throws(SystemError) {
    try Failpoint.keptFileOpenBefore.pass(or: SystemError("cannot open \(path)", errno: ENOSPC))
    let raw = caravan_open(path, O_RDWR | O_CREAT, 0o600)
    if raw < 0 { throw SystemError("cannot open \(path)") }
    file = FileDescriptor(owning: raw)
    self.path = path
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
    try Failpoint.keptFileWriteBefore.pass(or: SystemError("cannot write \(path)", errno: ENOSPC))
    var done = 0
    while done < bytes.count {
      let (place, room) = Self.place(of: offset + Int64(done))
      let count = pwrite(file.raw, bytes.baseAddress! + done, min(room, bytes.count - done), off_t(place))
      if count < 0 && errno != EINTR { throw SystemError("cannot write \(path)") }
      done += max(0, count)
    }
    Failpoint.keptFileWriteAfter.pass()
  }

  func read(at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
    try Failpoint.keptFileReadBefore.pass(or: SystemError("cannot read \(path)", errno: EIO))
    let (place, room) = Self.place(of: offset)
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: min(count, room)) { buffer, filled in
      let got = pread(file.raw, buffer.baseAddress, buffer.count, off_t(place))
      failure = got < 0 ? errno : 0
      filled = max(0, got)
    }
    if failure != 0 { throw SystemError("cannot read \(path)", errno: failure) }
    if bytes.isEmpty { throw SystemError(.invalid, "\(path) is shorter than what it should hold") }
    return bytes
  }

  /// Up to which offset a file that was left behind holds the output, as far as that can be told: once the ring
  /// is begun, the head's end.
  static func end(of path: String) -> Int64? {
    var info = stat()
    return stat(path, &info) == 0 ? min(Int64(info.st_size), KeptStream.headBytes) : nil
  }

  func remove() {
    Failpoint.keptFileRemoveBefore.pass()
    unlink(path)
  }

  /// Where an offset is in the file, and how many bytes follow it there without a break.
  private static func place(of offset: Int64) -> (Int64, Int) {
    if offset < KeptStream.headBytes { return (offset, Int(KeptStream.headBytes - offset)) }
    let inRing = (offset - KeptStream.headBytes) % KeptStream.tailBytes
    return (KeptStream.headBytes + inRing, Int(KeptStream.tailBytes - inRing))
  }
}
