import Protocol
import Synchronization
import System
import Transport

/// A loop on a thread of its own, for tests; ends with the object.
final class LoopThread: Sendable {
  let loop: EventLoop
  private let thread: Thread

  init() throws {
    let loop = try EventLoop()
    self.loop = loop
    thread = Thread(name: "test-loop") { loop.run() }
  }

  deinit {
    loop.stop()
    thread.join()
  }

  /// Runs `body` on the loop's thread and waits for its answer.
  func on<Answer: Sendable>(_ body: @escaping @Sendable (EventLoop) throws -> Answer) throws -> Answer {
    let answer = Box<Result<Answer, any Error>>()
    let loop = self.loop
    loop.submit { answer.put(Result { try body(loop) }) }
    return try answer.take().get()
  }
}

/// Values handed from one thread to another, in order; `take` waits at most a minute.
final class Box<Value: Sendable>: Sendable {
  private let values = Monitor<[Value]>([])

  func put(_ value: Value) { values.signal { $0.append(value) } }

  func take() -> Value {
    let isReady = { (values: [Value]) in !values.isEmpty }
    return values.wait(upTo: .seconds(60), until: isReady) { values in
      precondition(!values.isEmpty, "nothing came within a minute")
      return values.removeFirst()
    }
  }
}
