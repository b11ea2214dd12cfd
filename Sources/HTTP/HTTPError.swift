/// Why a server did not start.
public struct HTTPError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// The address is no HOST:PORT, or the host is not known.
    case address
    /// Somebody else listens there.
    case portTaken
    /// The kernel or the library refused.
    case system
  }
  public let code: Code
  /// For people, with what to do about it.
  public let message: String
  public var description: String { message }
}
