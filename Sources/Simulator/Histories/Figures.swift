/// What many histories came to.
public struct Figures: Sendable {
  public struct Failure: Sendable {
    public var seed: UInt64
    public var words: String
  }

  public var histories = 0
  public var events = 0
  /// Of them, timers and heartbeats.
  public var timers = 0
  public var violations = 0
  /// The first of them, by seed.
  public private(set) var failures: [Failure] = []
  private static let failuresKept = 10

  public init() {}

  public mutating func add(_ outcome: World.Outcome, seed: UInt64) {
    histories += 1
    events += outcome.events
    timers += outcome.timers
    guard let violation = outcome.violation else { return }
    violations += 1
    keep([Failure(seed: seed, words: violation)])
  }

  public mutating func add(_ other: Figures) {
    histories += other.histories
    events += other.events
    timers += other.timers
    violations += other.violations
    keep(other.failures)
  }

  private mutating func keep(_ more: [Failure]) {
    failures = Array((failures + more).sorted { $0.seed < $1.seed }.prefix(Self.failuresKept))
  }

  /// One line.
  public func text(from seed: UInt64, seconds: Double) -> String {
    let mean = histories == 0 ? 0 : events / histories
    let share = events == 0 ? 0 : 100 * (events - timers) / events
    let speed = seconds > 0 ? Int(Double(histories) / seconds) : 0
    return
      "simulation: \(violations == 0 ? "ok" : "BROKEN"), \(histories) histories from seed \(seed), \(events) events "
      + "(\(mean) a history, \(share) % of them neither timers nor heartbeats), \(violations) violations, "
      + "\(speed) histories/s"
  }
}
