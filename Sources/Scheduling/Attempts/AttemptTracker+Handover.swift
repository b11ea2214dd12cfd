public import Protocol

// An agent's program is replaced while its tasks run: what this value knows goes to the next program as one JSON
// object, by the same host's clocks.
//
// What waits for room is left out: the next list does not name it, and so the coordinator sends it again.
extension AttemptTracker {
  public func handOver(to writer: inout JSONWriter) {
    writer.object { writer in
      if let from = lease.countsFrom { writer.member("leaseFrom", from.nanoseconds) }
      if let length = lease.length { writer.member("leaseLength", length.nanoseconds) }
      writer.member("running") { writer in
        writer.array { writer in
          for fence in running {
            guard case .running(let state)? = attempts[fence] else { continue }
            state.handOver(fence, to: &writer)
          }
        }
      }
      writer.member("ended") { writer in
        writer.array { writer in
          for fence in unacknowledged {
            guard case .ended(let end)? = attempts[fence] else { continue }
            ToCoordinator.ended(fence, end.result).write(to: &writer)
          }
        }
      }
    }
  }

  /// What `handOver` wrote.
  public init(_ settings: Settings, takingOver reader: inout JSONReader) throws(JSONFault) {
    var from: Int64?
    var length: Int64?
    var running: [(Fence, HeldAttempt.Running)] = []
    var ended: [(fence: Fence, result: AttemptResult)] = []
    try reader.object { (reader, name) throws(JSONFault) in
      switch reader.string(name) {
      case "leaseFrom": from = try reader.integer()
      case "leaseLength": length = try reader.integer()
      case "running":
        try reader.array { (reader, _) throws(JSONFault) in
          running.append(try HeldAttempt.Running.takeOver(&reader))
        }
      case "ended":
        try reader.array { (reader, _) throws(JSONFault) in
          if case .ended(let fence, let result) = try ToCoordinator(reading: &reader) {
            ended.append((fence, result))
          }
        }
      default: try reader.skip()
      }
    }
    self.init(settings, left: ended)
    lease.takeOver(
      from: from.map { Instant(nanoseconds: $0) }, length: length.map { Period(nanoseconds: $0) })
    for (fence, state) in running { takeOver(fence, state) }
  }
}

extension HeldAttempt.Running {
  fileprivate func handOver(_ fence: Fence, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("fence", fence.value)
      // What it runs is no matter any more.
      writer.name("needs")
      job.needs.write(to: &writer)
      writer.member("start", start.nanoseconds)
      if let seconds = job.killGraceSeconds { writer.member("killGraceSeconds", seconds) }
      writer.member("timeoutSeconds", job.timeoutSeconds)
      if let timeLimit { writer.member("timeLimit", timeLimit.nanoseconds) }
      if let seconds = lease.seconds { writer.member("leaseSeconds", seconds) }
      writer.member("isLeaseTermSent", isLeaseTermSent)
      guard let stopping else { return }
      writer.member("cause", stopping.cause.name)
      if case .killed(let reason) = stopping.cause { writer.member("reason", reason) }
      if let killAt = stopping.killAt { writer.member("killAt", killAt.nanoseconds) }
    }
  }

  fileprivate static func takeOver(
    _ reader: inout JSONReader
  ) throws(JSONFault) -> (Fence, HeldAttempt.Running) {
    var fence: Int64?
    var needs = ResourceVector.zero
    var killGraceSeconds: Int32?
    var timeoutSeconds: Int32 = 0
    var start = WallTime.none
    var timeLimit: Instant?
    var lease = TaskLease.standard
    var isLeaseTermSent = false
    var cause: String?
    var reason = ""
    var killAt: Int64?
    try reader.object { (reader, name) throws(JSONFault) in
      switch reader.string(name) {
      case "fence": fence = try reader.integer()
      case "needs": needs = try ResourceVector(reading: &reader)
      case "start": start = WallTime(nanoseconds: try reader.integer())
      case "killGraceSeconds": killGraceSeconds = Int32(clamping: try reader.integer())
      case "timeoutSeconds": timeoutSeconds = Int32(clamping: try reader.integer())
      case "timeLimit": timeLimit = Instant(nanoseconds: try reader.integer())
      case "leaseSeconds":
        lease = TaskLease(seconds: Int32(clamping: try reader.integer())) ?? .standard
      case "isLeaseTermSent": isLeaseTermSent = try reader.boolean()
      case "cause": cause = try reader.string()
      case "reason": reason = try reader.string()
      case "killAt": killAt = try reader.integer()
      default: try reader.skip()
      }
    }
    guard let fence else { throw reader.fault("an attempt needs a fence") }
    let job = Job(
      command: [], needs: needs, timeoutSeconds: timeoutSeconds, killGraceSeconds: killGraceSeconds)
    var state = HeldAttempt.Running(
      job: job, start: start, timeLimit: timeLimit, lease: lease, isLeaseTermSent: isLeaseTermSent)
    if let cause = cause.flatMap({ HeldAttempt.Stopping.Cause(name: $0, reason: reason) }) {
      state.stopping = .init(cause: cause, killAt: killAt.map { Instant(nanoseconds: $0) })
    }
    return (Fence(fence), state)
  }
}

extension HeldAttempt.Stopping.Cause {
  fileprivate var name: String {
    switch self {
    case .killed: "killed"
    case .timeLimit: "timeLimit"
    case .memoryLimit: "memoryLimit"
    case .leaseExpired: "leaseExpired"
    case .shutdown: "shutdown"
    }
  }

  fileprivate init?(name: String, reason: String) {
    switch name {
    case "killed": self = .killed(reason: reason)
    case "timeLimit": self = .timeLimit
    case "memoryLimit": self = .memoryLimit
    case "leaseExpired": self = .leaseExpired
    case "shutdown": self = .shutdown
    default: return nil
    }
  }
}
