public struct Response: Sendable {
  public var status: Int
  public var headers: [(name: String, value: String)]
  public var body: Body

  public enum Body: Sendable {
    case bytes([UInt8])
    /// Pulled by the server's thread, chunk by chunk, as the client reads.
    case stream(any BodySource)
  }

  public init(status: Int, headers: [(name: String, value: String)] = [], body: Body = .bytes([])) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// Makes a body piece by piece. Used by one thread at a time.
public protocol BodySource: Sendable {
  /// Blocks no longer than a short read from disk. `wake` is kept where `.later` is answered.
  func next(wake: @escaping @Sendable () -> Void) -> BodyPiece
  /// The client went away or the body has ended: let go of everything.
  func close()
}

public enum BodyPiece: Sendable {
  case bytes([UInt8])
  /// Nothing at present: ask again when `wake` was called (or after a heartbeat's time).
  case later
  case end
  /// The source failed midway: the connection is cut, so that nobody takes the body for whole.
  case failed
}

/// Answers a request, at once or later, exactly once; any thread may call it.
public struct Reply: Sendable {
  private let send: @Sendable (Response) -> Void
  public init(_ send: @escaping @Sendable (Response) -> Void) { self.send = send }
  public func callAsFunction(_ response: Response) { send(response) }
}

/// What an HTTP server serves: the same body of code behind a socket and in a test.
public protocol Responder: Sendable {
  /// Called before the body is read, with the headers and an empty body: a response here refuses the
  /// request without taking its body.
  func admit(_ head: Request) -> Response?
  func respond(to request: Request, _ reply: Reply)
}
