import CSystem
import Glibc
import System

/// A file that grows at its end.
final class AppendedFile {
  private let path: String
  private let file: FileDescriptor

  /// Of a file that is there.
  init(_ path: String) throws(SystemError) {
    let raw = caravan_open(path, O_WRONLY | O_APPEND, 0)
    if raw < 0 { throw SystemError("cannot open \(path)") }
    file = FileDescriptor(owning: raw)
    self.path = path
  }

  func append(_ bytes: [UInt8]) throws(SystemError) {
    #if CARAVAN_FAILPOINTS
      // As a disk does that fills up within them.
      try Files.write(bytes[..<(bytes.count / 2)], to: file.raw, path: path)
      try Failpoint.spoolAppendWithin.pass(or: SystemError("cannot write \(path)", errno: ENOSPC))
      try Files.write(bytes[(bytes.count / 2)...], to: file.raw, path: path)
    #else
      try Files.write(bytes[...], to: file.raw, path: path)
    #endif
  }
}
