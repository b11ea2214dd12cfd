/// Why the Engine does not do what it was asked.
public struct Refusal: Error, Hashable, Sendable {
  public enum Kind: Sendable {
    /// There is no such run, or no such task any more. 404.
    case notFound
    /// The state does not allow it; the message says from which states it works. 409.
    case conflict
    /// Stopping, or not yet serving. 503.
    case unavailable
    /// The disk is nearly full. 507.
    case diskFull
  }
  public var kind: Kind
  public var message: String
  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}
