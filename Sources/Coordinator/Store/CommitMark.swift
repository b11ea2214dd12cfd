import CSystem
import Glibc
import System

/// How many commits of a database were acknowledged, in a small file beside it: `state.db-acknowledged`.
///
/// A write-ahead log that is damaged is read up to the damage, and SQLite says nothing of what came behind
/// it: that is how it should be where a commit was cut off by a power failure, and a loss where it had been
/// answered. The database counts its commits; this file holds the count that anybody may have been told of.
/// One that finds fewer in the database does not start.
///
/// It is written without a sync after each commit, so after a power failure it may tell of fewer, never of
/// more.
final class CommitMark {
  /// One sector holds all of it, so that it is never half written.
  private static let digits = 20

  let path: String
  private let descriptor: Int32

  init(ofDatabase database: String) throws(StoreFault) {
    path = database + "-acknowledged"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw StoreFault(
        .notWritable,
        "\(path) cannot be written (\(SystemError.words(errno))): check the file and its directory")
    }
  }

  deinit { close(descriptor) }

  /// nil: it was not written yet, or holds no number.
  func read() -> Int64? {
    var bytes = [UInt8](repeating: 0, count: Self.digits)
    guard pread(descriptor, &bytes, bytes.count, 0) == bytes.count else { return nil }
    return Int64(String(decoding: bytes, as: UTF8.self))
  }

  /// Zeros in front, so that it is written over in place: that takes no room of a full disk. Where it fails
  /// all the same, an older count stands there, which is as true.
  func advance(to commits: Int64) {
    let number = String(commits)
    let text = Array((String(repeating: "0", count: Self.digits - number.utf8.count) + number + "\n").utf8)
    _ = pwrite(descriptor, text, text.count, 0)
  }
}
