import Foundation

/// A folder of one test's own, removed with the last reference to it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "caravan-test-" + UUID().uuidString
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Has another folder's file of that name from now on.
  func take(_ name: String, from other: TemporaryDirectory) throws {
    try FileManager.default.removeItem(atPath: file(name))
    try FileManager.default.copyItem(atPath: other.file(name), toPath: file(name))
  }

  /// What a crash would leave of the databases at this moment: their files without the shared memory.
  func crashCopy() throws -> TemporaryDirectory {
    let copy = TemporaryDirectory()
    for name in try FileManager.default.contentsOfDirectory(atPath: path)
    where name != "lock" && !name.hasSuffix("-shm") {
      try FileManager.default.copyItem(atPath: file(name), toPath: copy.file(name))
    }
    return copy
  }
}
