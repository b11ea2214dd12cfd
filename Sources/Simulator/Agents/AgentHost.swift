import Protocol
import Scheduling

/// A host with an agent's data directory, and the agent's process while there is one: `AgentRuntime` and what
/// hangs on it, around the real AttemptTracker.
struct AgentHost: ~Copyable {
  enum Life {
    /// No process.
    case down
    /// It kills what earlier starts left; nothing is said before.
    case sweeping
    case serving
  }

  /// As `CoordinatorConnection` has them.
  enum Link {
    case waiting, dialing, greeting, welcome, leaving, stopped
  }

  /// Where in its work the agent's process is to die.
  enum CrashPoint {
    case beforeSpool, beforeFork, afterFork, beforeSpeaking
  }

  // The host.
  var name = ""
  var clock = HostClock(boot: 0, drift: 0, wallOffset: 0)
  var random = SeededRandom(0)
  var hasPower = true
  var boot = 1
  var capacity = ResourceVector.zero
  /// What its next start is told to offer.
  var nextCapacity = ResourceVector.zero
  var processes: [HostProcess] = []
  var lastProcess: Int32 = 0

  // Its disk.
  var directory = 1
  var startNumber: Int64 = 0
  var spool = SpoolFile()
  /// Also what of it is in memory only, which dies with the process.
  var outputs: [KeptOutput] = []

  // The agent's process.
  var life = Life.down
  /// Grows with each process.
  var lifeNumber: Int32 = 0
  /// Stopped by a signal until then.
  var frozenUntil: Int64 = 0
  /// So is its other process.
  var isLinkFrozen = false
  var crashPoint: CrashPoint?
  /// It is stopped for so long once work waits beside its slots; nil: it is not.
  var freezePoint: Int64?
  /// How long it is down after that crash.
  var crashDowntime: Int64 = 0
  var tracker = AttemptTracker(.init(capacity: .zero))
  var events: [AttemptEvent] = []
  var isHandling = false
  var timerAt = Int64.max
  /// The deadline that this was last worked out from.
  var timerDue: Instant?
  var lastWords = Instant(nanoseconds: 0)
  var hasWordsDue = false
  /// SIGTERM is pending while it is stopped.
  var isToldToStop = false
  var isLeaving = false
  /// It takes no new work, and says so.
  var isUnfit = false
  var hasSaidGoodbye = false
  var downtimeAfterLeaving: Int64 = 0
  var wantsReconnect = false

  // Its link.
  var link = Link.waiting
  var connection = -1
  /// Grows with each dialing.
  var dial: Int32 = 0
  var dialBegan: Int64 = 0
  var backoff: Int64 = 0
  var control: [ToCoordinator] = []
  var logs: [ToCoordinator] = []

  /// A host of a new history.
  mutating func reset(name: String, seed: UInt64, number: Int, capacity: ResourceVector) {
    self.name = name
    random = SeededRandom(seed, 0xA6E7, UInt64(number))
    clock = HostClock(
      boot: random.from(1, to: 1_000) * TrueTime.second, drift: random.from(-500, to: 500),
      wallOffset: random.from(-3_600, to: 3_600) * TrueTime.second)
    hasPower = true
    boot = 1
    self.capacity = capacity
    nextCapacity = capacity
    processes.empty()
    lastProcess = 0
    directory = 1
    startNumber = 0
    spool.reset()
    outputs.empty()
    life = .down
    lifeNumber = 0
    frozenUntil = 0
    crashPoint = nil
    freezePoint = nil
    endProcess()
  }

  /// The process is gone, and all that was only in it.
  mutating func endProcess() {
    life = .down
    lifeNumber += 1
    frozenUntil = 0
    isLinkFrozen = false
    crashPoint = nil
    freezePoint = nil
    events.empty()
    isHandling = false
    timerAt = .max
    hasWordsDue = false
    isToldToStop = false
    isLeaving = false
    isUnfit = false
    hasSaidGoodbye = false
    wantsReconnect = false
    link = .waiting
    connection = -1
    backoff = 0
    control.empty()
    logs.empty()
    spool.losePending()
    outputs.removeAll { $0.fileFrom == nil && !spool.hasEnd(of: $0.fence) }
  }

  @inline(__always)
  func output(_ fence: Fence) -> Int? { outputs.firstIndex { $0.fence == fence } }

  /// As `Backoff` has it.
  mutating func nextWait() -> Int64 {
    let shortest = 100 * TrueTime.millisecond
    let longest = 10 * TrueTime.second
    let next = max(shortest, backoff)
    backoff = min(longest, next * 2)
    return next / 2 + random.below(next / 2 + 1)
  }
}
