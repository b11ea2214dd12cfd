/// Why a connection's bytes cannot be gone on with, in words for the other side and the log. It ends the
/// connection and nothing else.
public struct FrameFault: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: Hashable, Sendable {
    /// A length of 0.
    case empty
    /// A length over the limit, or a message of ours that would not fit.
    case tooLarge
    /// The payload is not JSON, or not a message of this protocol.
    case malformed
  }
  public let code: Code
  public let message: String
  public var description: String { message }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
