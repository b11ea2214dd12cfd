import Glibc
import System

/// The directory that holds everything a coordinator must not forget, locked for as long as this lives.
///
/// The lock is `flock` on a file of its own rather than SQLite's: it covers all files here, is free of the
/// traps of POSIX record locks (which any close of the file drops) and goes away with the process, however
/// it ends. The file keeps the holder's pid for whoever is refused; it is never removed, since a lock on a
/// removed file guards nothing.
final class DataDirectory: Sendable {
  let path: String
  private let lock: Int32

  /// Makes the directory (0700) and those above it where they are missing.
  init(_ path: String) throws(StoreFault) {
    self.path = path
    try DataDirectory.make(path)
    let lockPath = path + "/lock"
    let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else {
      throw StoreFault(
        .notWritable,
        "the data directory \(path) cannot be written (\(words(errno))): choose another by --data-dir")
    }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let failure = errno
      let holder = DataDirectory.holder(lock)
      close(lock)
      guard failure == EWOULDBLOCK else {
        throw StoreFault(.failed, "the data directory \(path) cannot be locked (\(words(failure)))")
      }
      throw StoreFault(
        .inUse,
        "the data directory \(path) is in use by process \(holder): end it, or choose another by --data-dir")
    }
    self.lock = lock
    let pid = Array("\(getpid())\n".utf8)
    // In this order, so that it takes no room where one stood before: the disk may be full.
    guard pwrite(lock, pid, pid.count, 0) == pid.count, ftruncate(lock, off_t(pid.count)) == 0 else {
      let failure = errno
      close(lock)
      throw StoreFault(
        .notWritable,
        "the data directory \(path) cannot be written (\(words(failure))): free space, or choose another by --data-dir"
      )
    }
    Failpoint.directoryLockAfter.pass()
  }

  deinit { close(lock) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes an empty file that only its owner may read, unless there is one: SQLite gives its other files
  /// the mode of the first.
  func makePrivate(_ name: String) throws(StoreFault) {
    let made = open(file(name), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard made >= 0 else {
      throw StoreFault(.notWritable, "\(file(name)) cannot be written (\(words(errno)))")
    }
    close(made)
  }

  /// Bytes that this process may still write to its file system; nil where nobody knows.
  func freeBytes() -> Int64? {
    var found = statvfs()
    guard statvfs(path, &found) == 0 else { return nil }
    return Int64(clamping: UInt64(found.f_bavail) &* UInt64(found.f_frsize))
  }

  private static func make(_ path: String) throws(StoreFault) {
    do throws(SystemError) { try Files.makeDirectory(path) } catch {
      throw StoreFault(
        .notWritable,
        "the data directory \(path) cannot be made (\(words(error.errno))): choose another by --data-dir")
    }
  }

  private static func holder(_ lock: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 20)
    let count = pread(lock, &bytes, bytes.count, 0)
    let text = bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }
    return text.isEmpty ? "(unknown)" : String(decoding: text, as: UTF8.self)
  }
}

private func words(_ failure: Int32) -> String { String(cString: strerror(failure)) }
