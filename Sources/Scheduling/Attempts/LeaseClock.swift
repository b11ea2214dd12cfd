import Protocol

/// How long this agent may still run what it runs.
///
/// It counts from *sending* the last heartbeat that was acknowledged (the hello is one), the coordinator from
/// receiving it: so this side is always the earlier one, whatever the network did.
struct LeaseClock {
  /// Heartbeats that may wait for their acknowledgement; more than fit a lease.
  private static let outstandingLimit = 64

  /// nil: never welcomed, or a lease that does not end.
  private(set) var length: Period?
  var countsFrom: Instant?
  private var lastNumber: Int64 = 0
  /// Sent and not acknowledged, oldest first.
  private var outstanding: [(number: Int64, sent: Instant)] = []

  mutating func welcomed(leaseMilliseconds: Int64, helloSent: Instant) {
    length = leaseMilliseconds > 0 ? .milliseconds(leaseMilliseconds) : nil
    countsFrom = helloSent
    outstanding.removeAll()
    lastNumber = 0
  }

  /// As an earlier program of this agent counted.
  mutating func takeOver(from: Instant?, length: Period?) {
    countsFrom = from
    self.length = length
  }

  mutating func nextHeartbeat(at now: Instant) -> Int64 {
    lastNumber += 1
    if outstanding.count == Self.outstandingLimit { outstanding.removeFirst() }
    outstanding.append((lastNumber, now))
    return lastNumber
  }

  mutating func acknowledged(_ number: Int64) {
    guard let at = outstanding.firstIndex(where: { $0.number == number }) else { return }
    countsFrom = outstanding[at].sent
    outstanding.removeFirst(at + 1)
  }

  /// When that share of the lease is over; nil: never.
  func passes(percent: Int64) -> Instant? { length.flatMap { passes(percent: percent, of: $0) } }

  /// The same for a length of an attempt's own.
  func passes(percent: Int64, of length: Period) -> Instant? {
    countsFrom.map { $0 + length.percent(percent) }
  }

  /// When the oldest heartbeat that waits for its acknowledgement was sent.
  var unansweredSince: Instant? { outstanding.first?.sent }
}
