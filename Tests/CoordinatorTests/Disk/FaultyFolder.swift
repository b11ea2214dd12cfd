import CFaultyDisk

/// A folder on a disk that fails as a test says: see `faulty_disk.h`.
///
/// `@unchecked Sendable`: the layer has a lock of its own.
final class FaultyFolder: @unchecked Sendable {
  enum Operation: Int32 {
    case write = 1
    case sync = 2
    case truncate = 3
  }

  // https://www.sqlite.org/rescode.html
  static let full: Int32 = 13
  static let writeError: Int32 = 10 | 3 << 8
  static let syncError: Int32 = 10 | 4 << 8

  let folder: TemporaryDirectory
  private let disk: OpaquePointer
  var path: String { folder.path }

  /// - Parameter keeps: what is written, so that the power can be cut.
  init(keeps: Bool = false) {
    folder = TemporaryDirectory()
    disk = faulty_disk_watch(folder.path, keeps ? 1 : 0)
  }

  deinit { faulty_disk_forget(disk) }

  /// `count` operations are refused, from the `nth` on that comes next (1: the very next).
  func refuse(
    _ operation: Operation, of suffix: String = "", nth: Int = 1, count: Int = .max, with code: Int32
  ) {
    faulty_disk_refuse(disk, operation.rawValue, suffix, nth, count, code)
  }

  func mend() { faulty_disk_mend(disk) }

  var refusals: Int { faulty_disk_refusals(disk) }
  var operations: Int { faulty_disk_operations(disk) }

  /// What is left where the power is cut after so many operations, in a folder of its own. Cuts come in
  /// order.
  func cut(after operations: Int, seed: UInt64) -> FaultyFolder {
    let left = FaultyFolder()
    precondition(faulty_disk_cut(disk, operations, seed, left.path) == 0, "the cut could not be made")
    return left
  }
}
