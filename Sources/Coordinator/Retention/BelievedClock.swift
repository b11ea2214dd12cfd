import Protocol
import System

/// The wall clock as far as it may decide what is removed: a leap ahead is not believed before it has stood for a
/// day, lest a clock that was set wrong for a minute cost every log.
struct BelievedClock {
  /// It may run ahead so much between two looks.
  static let tolerance = Period.seconds(3600)
  static let patience = Period.seconds(24 * 3600)

  private var wall: WallTime
  private var at: Instant

  init(_ wall: WallTime, at: Instant) {
    self.wall = wall
    self.at = at
  }

  /// - Parameters:
  ///   - read: what the wall clock shows now.
  ///   - at: now, by the clock that nobody sets.
  mutating func time(_ read: WallTime, at now: Instant) -> WallTime {
    let expected = wall.nanoseconds &+ (now - at).nanoseconds
    let isLeap = read.nanoseconds &- expected > Self.tolerance.nanoseconds
    if isLeap && now - at < Self.patience { return WallTime(nanoseconds: expected) }
    wall = read
    at = now
    return read
  }
}
