import Scheduling

/// Refuses new runs while the disk is nearly full; what runs goes on and its results still land.
final class DiskWatch: Sendable {
  /// Bytes that are kept free for the results of what was accepted.
  static let reserveBytes: Int64 = 64 << 20

  private let directory: DataDirectory

  init(_ directory: DataDirectory) { self.directory = directory }

  /// nil: there is room.
  func refusal() -> Refusal? {
    guard let free = directory.freeBytes(), free < Self.reserveBytes else { return nil }
    return Refusal(
      .diskFull,
      "the disk of \(directory.path) has \(free >> 20) MiB free, less than the \(Self.reserveBytes >> 20) MiB that are "
        + "kept for results: free some space, then submit again")
  }
}
