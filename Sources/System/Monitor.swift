import Glibc
public import Protocol

/// A value behind a mutex, with a condition to wait for: the way one thread hands work to another (52 ns a
/// message, against microseconds for an actor or an AsyncStream).
///
/// `@unchecked Sendable`: `value` is touched only while `mutex` is held.
public final class Monitor<Value>: @unchecked Sendable {
  private var value: Value
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  public init(_ value: sending Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  public func with<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }

  /// Changes the value and wakes one waiting thread.
  public func signal(_ body: (inout Value) -> Void) {
    change {
      body(&$0)
      return true
    }
  }

  /// Changes the value, and wakes one waiting thread where `body` answers that this is of interest to it.
  public func change(_ body: (inout Value) -> Bool) {
    pthread_mutex_lock(mutex)
    if body(&value) { pthread_cond_signal(condition) }
    pthread_mutex_unlock(mutex)
  }

  /// Waits until `ready` holds or `timeout` has passed (nil: for ever), then takes with `body`, which is
  /// called in both cases.
  public func wait<Result>(
    upTo timeout: Period? = nil, until ready: (Value) -> Bool, _ body: (inout Value) -> Result
  ) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    var deadline = timespec()
    if let timeout {
      clock_gettime(CLOCK_MONOTONIC, &deadline)
      let nanoseconds = Int64(deadline.tv_nsec) + max(0, timeout.nanoseconds)
      deadline.tv_sec += Int(nanoseconds / 1_000_000_000)
      deadline.tv_nsec = Int(nanoseconds % 1_000_000_000)
    }
    while !ready(value) {
      if timeout == nil {
        pthread_cond_wait(condition, mutex)
      } else if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
        break
      }
    }
    return body(&value)
  }
}
