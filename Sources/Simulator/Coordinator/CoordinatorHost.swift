import Protocol
import Scheduling

/// The coordinator's host and process: the Engine around the real Scheduler, with its disks beside it.
struct CoordinatorHost: ~Copyable {
  enum Life {
    case down
    case serving
    /// It was told to stop: what was accepted is answered and committed.
    case stopping
  }

  enum Phase {
    case idle
    case committing
    case telling
    /// Between commits while work waits at agents.
    case resting
  }

  /// Where in its work the process is to die.
  enum CrashPoint: Hashable {
    case beforeCommit
    case inCommit(isKept: Bool)
    /// After so many things were told.
    case telling(Int)
  }

  enum Input {
    case submit(request: Int)
    case command(request: Int)
    case arrived(connection: Int)
    /// Messages among `said`.
    case said(connection: Int, Range<Int>)
    case closed(connection: Int)
    case expanded(question: Int)
  }

  /// A generator's output at the worker.
  struct Question {
    var key: TaskKey
    var number: AttemptNumber
    var fence: Fence
    /// Of the run, when it was asked.
    var parts: Int
  }

  // The host.
  var clock = HostClock(boot: 0, drift: 0, wallOffset: 0)
  var random = SeededRandom(0)
  var hasPower = true
  var state = StateDisk()
  var logs = LogDisk()
  var isSlowUntil: Int64 = 0

  // The process.
  var life = Life.down
  var lifeNumber: Int32 = 0
  var frozenUntil: Int64 = 0
  var crashPoint: CrashPoint?
  var crashDowntime: Int64 = 0
  var downtimeAfterStopping: Int64 = 0
  var scheduler = Scheduler(epoch: Epoch(0))
  var phase = Phase.idle
  var inbox = Kept<Input>(capacity: 16)
  var said: [ToCoordinator] = []
  /// When the turn under way began.
  var wasInboxEmpty = false
  var nextRun: Int64 = 0
  /// Of the runs that the Scheduler knows; by run.
  var parts: [RunParts] = []
  var batch = Batch()
  /// Between the Scheduler and the batch.
  var effects: [Effect] = []
  var questions: [Question] = []
  /// The process died with all of its Scheduler committed, which is there to be compared until the next start.
  var hasDiedWhole = false
  /// By agent.
  private(set) var lastHeard: [Instant] = []
  var lastCommit = Instant(nanoseconds: 0)
  var lastWall = WallTime.none
  var dueAt = Int64.max

  var isListening: Bool {
    @inline(__always) get { hasPower && life == .serving }
  }
  func isReading(at now: Int64) -> Bool { hasPower && life == .serving && now >= frozenUntil }
  @inline(__always)
  func acts(at now: Int64) -> Bool { life != .down && now >= frozenUntil }

  mutating func hear(_ agent: AgentID, at time: Instant) {
    while lastHeard.count <= Int(agent.value) { lastHeard.append(time) }
    lastHeard[Int(agent.value)] = time
  }

  /// Whatever agents have said meanwhile is still unread.
  mutating func forgiveSilence(at time: Instant) {
    for agent in lastHeard.indices { lastHeard[agent] = time }
  }

  mutating func drainDirtyRuns() {
    scheduler.drainDirtyRuns { batch.add($0) }
  }

  mutating func reset(seed: UInt64) {
    random = SeededRandom(seed, 0xC0_0D)
    clock = HostClock(
      boot: random.from(1, to: 1_000) * TrueTime.second, drift: random.from(-500, to: 500),
      wallOffset: random.from(-3_600, to: 3_600) * TrueTime.second)
    hasPower = true
    state.reset()
    logs.reset()
    isSlowUntil = 0
    lifeNumber = 0
    hasDiedWhole = false
    endProcess()
  }

  mutating func endProcess() {
    life = .down
    lifeNumber += 1
    frozenUntil = 0
    crashPoint = nil
    phase = .idle
    inbox.empty()
    said.empty()
    parts.empty()
    questions.empty()
    lastHeard.empty()
    logs.stop()
    batch.begin(at: .none, number: batch.number)
    lastWall = .none
    dueAt = .max
    lastCommit = Instant(nanoseconds: 0)
  }
}
