import CSystem
import Glibc

/// A file that one process at a time holds, with that process's pid in it for people. The lock goes with the
/// process, however it ends; the file stays.
public struct LockFile: ~Copyable, Sendable {
  private let file: FileDescriptor

  /// The descriptor that holds the lock.
  public var raw: Int32 { file.raw }

  /// Takes over the lock that this descriptor holds.
  public init(adopting raw: Int32) { file = FileDescriptor(owning: raw) }

  /// Throws `.locked`, and says who has it, where another process does. `what` names what is locked, for
  /// that message: `"the data directory /x"`.
  public init(_ path: String, for what: String) throws(SystemError) {
    let raw = caravan_open(path, O_RDWR | O_CREAT, 0o600)
    if raw < 0 { throw SystemError("cannot open \(path)") }
    let file = FileDescriptor(owning: raw)
    if caravan_lock(raw) < 0 {
      if errno != EAGAIN { throw SystemError("cannot lock \(path)") }
      let holder = Files.line(path).flatMap { $0.isEmpty ? nil : " (pid \($0))" } ?? ""
      throw SystemError(.locked, "\(what) is in use by another process\(holder)", errno: EAGAIN)
    }
    if ftruncate(raw, 0) < 0 { throw SystemError("cannot write \(path)") }
    try Files.write(Array("\(getpid())\n".utf8)[...], to: raw, path: path)
    self.file = file
  }
}
