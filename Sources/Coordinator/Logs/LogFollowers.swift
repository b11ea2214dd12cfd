import Protocol
import System

/// Who wants to know when a stream has grown or ended.
///
/// A follower subscribes first and reads then: what is committed between the two is either read or told.
final class LogFollowers: Sendable {
  /// Ends with `cancel` or with its last reference.
  final class Subscription: Sendable {
    private let followers: LogFollowers
    private let stream: LogStream
    private let number: Int64

    fileprivate init(_ followers: LogFollowers, _ stream: LogStream, _ number: Int64) {
      self.followers = followers
      self.stream = stream
      self.number = number
    }

    deinit { cancel() }

    /// A call under way may still come.
    func cancel() { followers.remove(stream, number) }
  }

  private struct Entry {
    var number: Int64
    var wake: @Sendable () -> Void
  }

  private struct State {
    var entries: [LogStream: [Entry]] = [:]
    var nextNumber: Int64 = 0
  }

  private let state = Monitor(State())

  /// - Parameter wake: called by the thread that made the news, also where nothing is new; must be short.
  func subscribe(_ stream: LogStream, _ wake: @escaping @Sendable () -> Void) -> Subscription {
    let number = state.with { state in
      state.nextNumber += 1
      state.entries[stream, default: []].append(Entry(number: state.nextNumber, wake: wake))
      return state.nextNumber
    }
    return Subscription(self, stream, number)
  }

  /// These streams have grown.
  func wake(_ streams: [LogStream]) {
    let woken = state.with { state in
      // Mostly nobody follows anything.
      state.entries.isEmpty ? [] : streams.flatMap { state.entries[$0] ?? [] }
    }
    for entry in woken { entry.wake() }
  }

  /// The attempt has ended, and that is committed: its streams will not grow any more.
  func attemptEnded(_ fence: Fence) { wake(OutputStream.allCases.map { LogStream(fence, $0) }) }

  private func remove(_ stream: LogStream, _ number: Int64) {
    state.with { state in
      state.entries[stream]?.removeAll { $0.number == number }
      if state.entries[stream]?.isEmpty == true { state.entries[stream] = nil }
    }
  }
}
