import Glibc

/// An open descriptor that is closed once: when its owner lets go of it.
public struct FileDescriptor: ~Copyable, Sendable {
  public let raw: Int32

  /// Takes over a descriptor that nobody else closes.
  public init(owning raw: Int32) {
    precondition(raw >= 0, "not a descriptor: \(raw)")
    self.raw = raw
  }

  deinit { Glibc.close(raw) }

  /// Hands it over to who closes it from now on.
  public consuming func release() -> Int32 {
    let raw = self.raw
    discard self
    return raw
  }
}
