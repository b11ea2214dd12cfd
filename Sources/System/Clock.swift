import Glibc
public import Protocol

extension Instant {
  /// CLOCK_BOOTTIME now.
  public static func now() -> Instant { Instant(nanoseconds: read(CLOCK_BOOTTIME)) }
}

extension WallTime {
  /// CLOCK_REALTIME now.
  public static func now() -> WallTime { WallTime(nanoseconds: read(CLOCK_REALTIME)) }
}

private func read(_ clock: clockid_t) -> Int64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
