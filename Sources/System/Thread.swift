import CSystem
import Glibc

/// A thread of its own, for loops that block. Joined explicitly or left to end with the process.
///
/// `@unchecked Sendable`: the handle is written once, before anybody else sees the object.
public final class Thread: @unchecked Sendable {
  private var handle = pthread_t()

  private final class Body {
    let name: String
    let run: @Sendable () -> Void
    init(name: String, run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// `name` is what `top -H` shows: at most 15 bytes.
  public init(name: String, _ run: @escaping @Sendable () -> Void) {
    precondition(name.utf8.count <= 15, "a thread's name has at most 15 bytes")
    let body = Unmanaged.passRetained(Body(name: name, run: run))
    let failure = pthread_create(&handle, nil, Thread.main, body.toOpaque())
    precondition(failure == 0, "a thread could not be made: \(String(cString: strerror(failure)))")
  }

  public func join() { pthread_join(handle, nil) }

  private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { raw in
    let body = Unmanaged<Body>.fromOpaque(raw!).takeRetainedValue()
    caravan_thread_name(body.name)
    body.run()
    return nil
  }
}

extension Monitor where Value == Thread? {
  /// Waits for its end, where there is one; whoever asks first, and nobody twice.
  public func join() {
    let running = with { thread in
      defer { thread = nil }
      return thread
    }
    running?.join()
  }
}
