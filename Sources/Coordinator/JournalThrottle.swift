import Protocol
import System

/// Says what may happen a thousand times a second: the first time at once, then at most once in a while, with how
/// often it was not said. One thread at a time.
struct JournalThrottle {
  static let interval = Period.seconds(10)

  private let interval: Period
  private var next = Instant(nanoseconds: 0)
  private var unsaid = 0

  init(interval: Period = Self.interval) { self.interval = interval }

  /// - Parameter say: other than the journal in tests.
  mutating func say(
    _ words: @autoclosure () -> String, at now: Instant = .now(),
    by say: (String) -> Void = { Journal.say($0) }
  ) {
    guard now >= next else {
      unsaid += 1
      return
    }
    say(unsaid == 0 ? words() : "\(words()) (and \(unsaid) more like it since)")
    next = now + interval
    unsaid = 0
  }
}
