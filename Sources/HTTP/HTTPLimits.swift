public import Protocol

/// What a client may cost. What is over a limit is refused with the status said here.
public struct HTTPLimits: Sendable {
  /// Bytes of a request's body; 413. Said by Content-Length it is refused before the body is read,
  /// chunked as soon as it is over.
  public var bodyBytes = 64 << 20
  /// Lines of a request's head; 431.
  public var headerCount = 100
  /// Bytes of a request's head, request line included; 431.
  public var headBytes = 24 << 10
  /// From a request line's arrival to the body's last byte, not counting what `bodyBytesPerSecond` grants;
  /// 408. Also how long a connection may be silent between requests.
  public var requestTime = Period.seconds(30)
  /// A body that comes at least this fast is never too slow, however long it is.
  public var bodyBytesPerSecond: Int64 = 256 << 10
  /// A refused body up to this size is read and thrown away, so that the connection can go on.
  public var refusedBodyBytes = 1 << 20
  /// How long the rest of a refused body is thrown away before the connection is cut: a client that is still
  /// sending would lose the answer to a reset.
  public var refusedBodyTime = Period.seconds(5)
  /// A client that takes no byte of its answer for this long is cut off.
  public var writeTime = Period.seconds(60)
  /// How often a stream that waits is asked again, and its client looked after.
  public var heartbeat = Period.seconds(10)
  /// Open connections; more wait in the listening socket's queue.
  public var connections = 1024
  /// With so many of them open, each further one takes the place of the one that has been silent longest: first of
  /// those that never sent a request. So who says something is heard, however many say nothing.
  public var connectionsKept: Int { max(1, connections * 3 / 4) }
  /// Refused connections that stay open for a moment beside those, so that their answer is read; further ones are
  /// closed at once.
  public var lingering = 64
  /// Threads that serve them.
  public var threads = 4
  public init() {}
}
