import HTTP
import Protocol
import System

/// A log as it grows, until its attempt has ended and all of it was given; for a task that was not started,
/// from its start on.
///
/// An attempt's output is on disk before its end is, so the order of looking is: subscribe, has it ended, what is
/// there. New bytes are told by `LogFollowers`; for what nobody tells (a start, the agent's words) the
/// `FollowClock` says when to look again.
///
/// `@unchecked Sendable`: a `BodySource` is used by one thread at a time.
final class FollowedLog: BodySource, @unchecked Sendable {
  private static let pieceBytes = 64 << 10
  private let key: TaskKey
  private var number: AttemptNumber?
  private let stream: LogRoutes.Stream
  private var offset: Int64
  private let source: LogSource
  private let followers: LogFollowers
  private let clock: FollowClock
  private let id = Follower()
  private var subscription: LogFollowers.Subscription?

  init(
    _ key: TaskKey, _ number: AttemptNumber?, _ stream: LogRoutes.Stream, from offset: Int64,
    _ source: LogSource, _ followers: LogFollowers, _ clock: FollowClock
  ) {
    self.key = key
    self.number = number
    self.stream = stream
    self.offset = offset
    self.source = source
    self.followers = followers
    self.clock = clock
  }

  func next(wake: @escaping @Sendable () -> Void) -> BodyPiece {
    do throws(StoreFault) {
      guard var row = try source.attempt(number, of: key) else { return later(wake) }
      if number == nil {
        number = row.number
        subscription = stream.kept.map { followers.subscribe(LogStream(row.fence, $0), wake) }
        // What came before the subscription was told to nobody.
        row = try source.attempt(number, of: key) ?? row
      }
      let bytes = try source.read(row, stream, from: offset, limit: Self.pieceBytes)
      if bytes.isEmpty && row.state.isAlive { return later(wake) }
      // Removed before it was all given: cut off rather than pass for whole.
      if bytes.isEmpty { return try isPruned(row) ? .failed : .end }
      offset += Int64(bytes.count)
      return .bytes(bytes)
    } catch {
      return .failed
    }
  }

  private func isPruned(_ row: AttemptRow) throws(StoreFault) -> Bool {
    guard let kept = stream.kept else { return false }
    return try source.logs.find(row, kept).isPruned
  }

  private func later(_ wake: @escaping @Sendable () -> Void) -> BodyPiece {
    clock.wake(id, with: wake)
    return .later
  }

  func close() {
    subscription = nil
    clock.forget(id)
  }
}

/// Stands for one follower in the clock's list.
final class Follower: Sendable {}

/// Tells those who follow something to look again, a few times a second: one thread for all of them, that
/// sleeps while there are none.
final class FollowClock: Sendable {
  private static let interval = Period.milliseconds(100)

  private struct State {
    // Woken all together: the order decides nothing.
    var waiting: [ObjectIdentifier: @Sendable () -> Void] = [:]
    var isStopped = false
    var isNeeded: Bool { isStopped || !waiting.isEmpty }
  }
  private let state: Monitor<State>
  private let thread: Thread

  init() {
    let state = Monitor(State())
    self.state = state
    thread = Thread(name: "log-follow") {
      while true {
        state.wait(until: \.isNeeded) { _ in }
        if state.wait(upTo: Self.interval, until: \.isStopped, \.isStopped) { return }
        let wakes = state.with { state in
          defer { state.waiting = [:] }
          return Array(state.waiting.values)
        }
        for wake in wakes { wake() }
      }
    }
  }

  deinit {
    state.signal { $0.isStopped = true }
    thread.join()
  }

  func wake(_ follower: Follower, with wake: @escaping @Sendable () -> Void) {
    state.signal { $0.waiting[ObjectIdentifier(follower)] = wake }
  }

  func forget(_ follower: Follower) {
    state.with { _ = $0.waiting.removeValue(forKey: ObjectIdentifier(follower)) }
  }
}
