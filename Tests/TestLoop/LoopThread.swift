import System
public import Transport

/// A loop on a thread of its own, for tests; ends with the object.
public final class LoopThread: Sendable {
  public let loop: EventLoop
  private let thread: Thread

  public init() throws {
    let loop = try EventLoop()
    self.loop = loop
    thread = Thread(name: "test-loop") { loop.run() }
  }

  deinit {
    loop.stop()
    thread.join()
  }

  /// Runs `body` on the loop's thread and waits for its answer.
  public func on<Answer: Sendable>(_ body: @escaping @Sendable (EventLoop) throws -> Answer) throws -> Answer
  {
    let answer = Box<Result<Answer, any Error>>()
    let loop = self.loop
    loop.submit { answer.put(Result { try body(loop) }) }
    return try answer.take().get()
  }
}
