import Protocol

/// Lengths of true time, in nanoseconds.
enum TrueTime {
  static let microsecond: Int64 = 1_000
  static let millisecond: Int64 = 1_000_000
  static let second: Int64 = 1_000_000_000
}

/// One host's clocks, as functions of true time, which nobody in the world can read: the boot clock drifts and
/// begins anew with each boot; the wall clock is wrong by anything.
struct HostClock {
  /// 2023, where a clock is right.
  private static let wallAtBegin: Int64 = 1_700_000_000 * TrueTime.second

  private var base: Int64
  /// Millionths by which the boot clock is fast.
  private let drift: Int64
  private var wallOffset: Int64

  init(boot: Int64, drift: Int64, wallOffset: Int64) {
    base = boot
    self.drift = drift
    self.wallOffset = wallOffset
  }

  @inline(__always)
  func boot(_ time: Int64) -> Instant { Instant(nanoseconds: base + time + time * drift / 1_000_000) }

  @inline(__always)
  func wall(_ time: Int64) -> WallTime { WallTime(nanoseconds: Self.wallAtBegin + time + wallOffset) }

  /// The first true time at which the boot clock shows `instant`, or later.
  func time(of instant: Instant) -> Int64 {
    // In two steps, as the product would not fit after some hours.
    let (whole, rest) = (instant.nanoseconds - base).quotientAndRemainder(dividingBy: 1_000_000 + drift)
    var time = whole * 1_000_000 + rest * 1_000_000 / (1_000_000 + drift)
    while boot(time) < instant { time += 1 }
    return time
  }

  /// What a tracker is told of the time.
  @inline(__always)
  func lease(_ time: Int64) -> Instant {
    planted(.wallClockLease) ? Instant(nanoseconds: wall(time).nanoseconds) : boot(time)
  }

  /// The true time at which that shows `instant`, or later, if nothing jumps.
  func time(ofLease instant: Instant, now: Int64) -> Int64 {
    if planted(.wallClockLease) { return now + max(0, (instant - lease(now)).nanoseconds) }
    return time(of: instant)
  }

  mutating func reboot(at time: Int64) { base = TrueTime.second - time }

  mutating func jumpWall(by period: Int64) { wallOffset += period }
}
