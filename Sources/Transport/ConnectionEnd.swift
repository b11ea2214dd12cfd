/// Why a connection is over, in words for the log and for people.
public struct ConnectionEnd: Hashable, Sendable, CustomStringConvertible {
  public enum Code: Hashable, Sendable {
    /// The other side closed it, between two frames.
    case closedByPeer
    /// The other side vanished, or closed it inside a frame.
    case lost
    /// A frame over the limit, empty, or not of this protocol.
    case badFrame
    /// A frame, or the awaited payload, was not whole in time.
    case tooSlow
    /// The other side reads so slowly that the bytes waiting for it passed the limit.
    case overflow
    /// This side closed it.
    case closed
  }
  public let code: Code
  public let message: String
  public var description: String { message }
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
