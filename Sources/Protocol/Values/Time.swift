/// A moment on this host's CLOCK_BOOTTIME, in nanoseconds: it never jumps and counts through sleep.
/// Never sent to, or compared with one of, another host.
public struct Instant: Hashable, Comparable, Sendable {
  public let nanoseconds: Int64
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: Instant, b: Period) -> Instant {
    Instant(nanoseconds: a.nanoseconds + b.nanoseconds)
  }
  public static func - (a: Instant, b: Instant) -> Period {
    Period(nanoseconds: a.nanoseconds - b.nanoseconds)
  }
}

/// Nanoseconds since the Unix epoch, on whatever clock the host shows people. For showing only.
public struct WallTime: Hashable, Comparable, Sendable {
  public let nanoseconds: Int64
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  public static let none = WallTime(nanoseconds: 0)
  public static func < (a: WallTime, b: WallTime) -> Bool { a.nanoseconds < b.nanoseconds }
}

/// A length of time, in nanoseconds. (Not `Duration`: the standard library's is 128 bits wide.)
public struct Period: Hashable, Comparable, Sendable {
  public let nanoseconds: Int64
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  public static let zero = Period(nanoseconds: 0)
  public static func seconds(_ n: Int64) -> Period { Period(nanoseconds: n &* 1_000_000_000) }
  public static func milliseconds(_ n: Int64) -> Period { Period(nanoseconds: n &* 1_000_000) }
  public static func < (a: Period, b: Period) -> Bool { a.nanoseconds < b.nanoseconds }
  public func percent(_ n: Int64) -> Period { Period(nanoseconds: nanoseconds / 100 * n) }
}
