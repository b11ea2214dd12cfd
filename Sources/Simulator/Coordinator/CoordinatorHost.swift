import Protocol
import Scheduling

/// The coordinator's host and process: the Engine around the real Scheduler, with its disks beside it.
struct CoordinatorHost {
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
    case said(connection: Int, [ToCoordinator])
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
  var inbox: [Input] = []
  /// When the turn under way began.
  var wasInboxEmpty = false
  var nextRun: Int64 = 0
  /// Of the runs that the Scheduler knows; by run.
  var parts: [RunParts] = []
  var batch = Batch()
  /// Between the Scheduler and the batch.
  var effects: [Effect] = []
  var questions: [Question] = []
  /// The Scheduler of a process that died with all of it committed, until the next start.
  var crashed: Scheduler?
  var lastCommit = Instant(nanoseconds: 0)
  var lastWall = WallTime.none
  var dueAt = Int64.max

  var isListening: Bool { hasPower && life == .serving }
  func isReading(at now: Int64) -> Bool { hasPower && life == .serving && now >= frozenUntil }
  func acts(at now: Int64) -> Bool { life != .down && now >= frozenUntil }

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
    crashed = nil
    endProcess()
  }

  mutating func endProcess() {
    life = .down
    lifeNumber += 1
    frozenUntil = 0
    crashPoint = nil
    phase = .idle
    inbox.removeAll(keepingCapacity: true)
    parts.removeAll(keepingCapacity: true)
    questions.removeAll(keepingCapacity: true)
    logs.stop()
    batch.begin(at: .none, number: batch.number)
    lastWall = .none
    dueAt = .max
    lastCommit = Instant(nanoseconds: 0)
  }
}
