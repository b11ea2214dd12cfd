import Protocol

/// How long to wait before dialing again: twice as long each time up to a bound, and of that a random half,
/// so that a thousand agents do not all come at once when their coordinator is back.
struct Backoff {
  static let shortest = Period.milliseconds(100)
  static let longest = Period.seconds(10)

  private var next = Backoff.shortest

  mutating func wait() -> Period {
    let half = next.nanoseconds / 2
    next = min(Self.longest, Period(nanoseconds: next.nanoseconds * 2))
    return Period(nanoseconds: half + Int64.random(in: 0...half))
  }

  mutating func reset() { next = Self.shortest }
}
