import CSystem
import Glibc
import System

/// One stream's output on disk, as far as it is kept: the head at its own offsets, behind it the tail in a ring.
/// So any offset's place is known without an index, and the file never grows beyond both.
final class KeptFile {
  let name: KeptFileName
  private let path: String
  private let file: FileDescriptor

  init(_ name: KeptFileName, in folder: OutputFolder) throws(SystemError) {
    let path = name.path(in: folder)
    try Failpoint.keptFileOpenBefore.pass(or: SystemError("cannot open \(path)", errno: ENOSPC))
    let raw = caravan_open(path, O_RDWR | O_CREAT, 0o600)
    if raw < 0 { throw SystemError("cannot open \(path)") }
    file = FileDescriptor(owning: raw)
    self.path = path
    self.name = name
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
    try Failpoint.keptFileWriteBefore.pass(or: SystemError("cannot write \(path)", errno: ENOSPC))
    var done = 0
    while done < bytes.count {
      let (place, room) = place(of: offset + Int64(done))
      let count = pwrite(file.raw, bytes.baseAddress! + done, min(room, bytes.count - done), off_t(place))
      if count < 0 && errno != EINTR { throw SystemError("cannot write \(path)") }
      done += max(0, count)
    }
    Failpoint.keptFileWriteAfter.pass()
  }

  func read(at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
    try Failpoint.keptFileReadBefore.pass(or: SystemError("cannot read \(path)", errno: EIO))
    let (place, room) = place(of: offset)
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
  static func end(of name: KeptFileName, in folder: OutputFolder) -> Int64? {
    var info = stat()
    return stat(name.path(in: folder), &info) == 0 ? min(Int64(info.st_size), name.caps.headBytes) : nil
  }

  func remove() {
    Failpoint.keptFileRemoveBefore.pass()
    unlink(path)
  }

  /// Where an offset is in the file, and how many bytes follow it there without a break.
  private func place(of offset: Int64) -> (Int64, Int) {
    let caps = name.caps
    if offset < caps.headBytes { return (offset, Int(caps.headBytes - offset)) }
    let inRing = (offset - caps.headBytes) % caps.tailBytes
    return (caps.headBytes + inRing, Int(caps.tailBytes - inRing))
  }
}
