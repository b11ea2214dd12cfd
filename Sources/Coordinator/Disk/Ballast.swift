import CSystem
import Glibc
import System

/// A file that holds nothing but room: `DIR/ballast`. It is given up first when the disk fills, so that the
/// results of what runs still find a place, and on file systems where removing anything takes room there is
/// some for that.
struct Ballast: Sendable {
  static let defaultBytes: Int64 = 64 << 20

  let path: String
  /// What it should have; 0: there is to be none.
  let bytes: Int64

  /// Bytes that it takes up at present.
  var found: Int64 {
    var info = stat()
    return stat(path, &info) == 0 ? Int64(info.st_size) : 0
  }

  /// Makes it anew, with room that the file system has really set aside; leaves nothing where there is too
  /// little.
  func make() throws(SystemError) {
    try giveUp()
    if bytes == 0 { return }
    let raw = caravan_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    if raw < 0 { throw SystemError("cannot make \(path)") }
    let file = FileDescriptor(owning: raw)
    // It answers with the error instead of setting errno; where the file system knows no such call, it writes
    // zeros.
    let failure = posix_fallocate(file.raw, 0, off_t(bytes))
    if failure != 0 {
      try giveUp()
      throw SystemError("cannot make \(path) with \(bytes >> 20) MiB", errno: failure)
    }
  }

  func giveUp() throws(SystemError) {
    if unlink(path) < 0 && errno != ENOENT { throw SystemError("cannot remove \(path)") }
  }
}
