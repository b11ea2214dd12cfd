import Protocol
import System

/// Values handed from one thread to another, in order; `take` waits at most a minute.
public final class Box<Value: Sendable>: Sendable {
  private let values = Monitor<[Value]>([])

  public init() {}

  public func put(_ value: Value) { values.signal { $0.append(value) } }

  public func take() -> Value {
    let isReady = { (values: [Value]) in !values.isEmpty }
    return values.wait(upTo: .seconds(60), until: isReady) { values in
      precondition(!values.isEmpty, "nothing came within a minute")
      return values.removeFirst()
    }
  }
}
