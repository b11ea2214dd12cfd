import Protocol
import Scheduling

/// What ought to be, by a model of its own that knows nothing of the Scheduler's counters and queues: it is told
/// what was committed, what was sent, what people were answered, and what really ran on the hosts.
///
/// It holds everything against SEMANTICS' promises as it comes, at a cost that does not grow with the history;
/// `recount` compares all of a run with what is on the disk.
struct Oracle: ~Copyable {
  /// A run's tasks, dropped ones included.
  static let mostTasks: Int32 = 120
  /// Within this time an agent that was stopped and continues has ended what it must end.
  static let actingTime = TrueTime.second

  /// One dispatch of one attempt.
  struct Attempt {
    enum Row {
      /// Never committed.
      case none
      case live
      /// It never started, and its row went.
      case deleted
      case ended(AttemptState)
    }
    var run: Int32 = 0
    var task: Int32 = 0
    var number: Int32 = 0
    var row = Row.none
    /// Families of its run at that moment: what joined later it may precede.
    var familiesWhenSent: Int32 = 0
    var isKillRequested = false
    /// When a person's kill of it was committed, in true time; 0: none was.
    var killedAt: Int64 = 0
    /// Committed as running.
    var isRunning = false
    /// Committed as lost by silence: its result may still come.
    var isAwaited = false

    // The host's own record.
    var agent = -1
    var timesStarted = 0
    var hasTimeLimit = false
    var startedAt: Int64 = 0
    var endedAt: Int64 = 0
    var isAlive = false
    /// nil: its end was not seen, or it could not be executed.
    var how: ProcessEnd.How?
    var hasEnded = false
    var printed: Int64 = 0
    /// Why its agent first sent it SIGTERM.
    var cause = SignalCause.none
    /// Its end is on its agent's disk.
    var isSpooled = false
    /// Its agent's process ended before its end was committed.
    var hasLostAgent = false
  }

  struct Task {
    /// As it ought to be stored: what follows keeps it so.
    private(set) var byte = TaskByte(.queued)
    var state = TaskState.queued { didSet { byte.state = state } }
    /// Its live attempt, −1: none.
    var live = -1 { didSet { byte.isAlive = live >= 0 } }
    var lastNumber: Int32 = 0 {
      didSet {
        byte.hasAttempts = lastNumber > 0
        noteHistory()
      }
    }
    var failures: Int32 = 0 { didSet { noteHistory() } }
    var lost: Int32 = 0 { didSet { noteHistory() } }
    var isExpanding = false { didSet { byte.isExpanding = isExpanding } }

    let family: Int32
    /// The last that was committed, −1: none.
    var newest = -1
    /// By the hosts' record: at most so many may be counted.
    var deaths: Int32 = 0
    /// As the coordinator counts.
    var countedDeaths: Int32 = 0
    /// A process of it ended with 0.
    var hasSucceeded = false
    /// Processes of it that are there.
    var processes = 0
    /// When its interval is over, on the coordinator's boot clock.
    var retryAt = Instant(nanoseconds: 0)

    init(family: Int32) { self.family = family }

    private mutating func noteHistory() { byte.hasHistory = lastNumber > 1 || failures > 0 || lost > 0 }
  }

  struct Family {
    var first: Int32
    var count: Int32
    var completed: Int32 = 0
    var maxRetries: Int32
    var retryInterval: Period
    var isGenerator: Bool
    var isDropped = false
    var generator: Int32 = -1
  }

  struct Dependency {
    var parent: Int32
    /// −1: all of the family.
    var parentOrdinal: Int32
    var child: Int32
    var childOrdinal: Int32
  }

  struct Run {
    var state = RunState.queued
    var isKillRequested = false
    /// When that was committed, in true time.
    var killedAt: Int64 = 0
    var families: [Family] = []
    var dependencies: [Dependency] = []
    var tasks: [Task] = []
  }

  /// True time, as the world has it.
  var now: Int64 = 0
  /// The first thing found wrong.
  private(set) var violation: String?
  var runs = Kept<Run>()
  var runCount: Int { runs.count }
  /// Runs that are not final.
  private(set) var openRuns = 0
  var attempts = Kept<Attempt>(capacity: 64)
  /// Where each epoch's attempts begin.
  private var epochs: [Int] = []
  /// By agent: what its host's processes of attempts need.
  var used = Kept<ResourceVector>()
  var settings = SchedulerSettings()

  mutating func reset(agents: Int, settings: SchedulerSettings) {
    violation = nil
    runs.empty()
    openRuns = 0
    attempts.empty()
    epochs.empty()
    epochs.append(0)
    used.use(agents) { .zero }
    for agent in 0..<agents { used[agent] = .zero }
    self.settings = settings
  }

  mutating func violate(_ words: String) { violation = violation ?? words }

  // MARK: Attempts

  /// `time` is on its boot clock. Intervals begin anew.
  mutating func coordinatorStarted(epoch: Int64, at time: Instant) {
    precondition(Int(epoch) == epochs.count, "epoch \(epoch) comes after \(epochs.count - 1)")
    epochs.append(attempts.count)
    for r in 0..<runCount where !runs[r].state.isFinal {
      for t in runs[r].tasks.indices where runs[r].tasks[t].state == .retry {
        runs[r].tasks[t].retryAt = time + runs[r].families[Int(runs[r].tasks[t].family)].retryInterval
      }
    }
  }

  /// A dense number for a fence.
  mutating func index(of fence: Fence) -> Int {
    let epoch = Int(fence.value >> 40)
    let counter = Int(fence.value & (1 << 40 - 1))
    let index = epochs[epoch] + counter - 1
    precondition(
      epoch + 1 >= epochs.count || index < epochs[epoch + 1], "fence \(fence) comes after its epoch")
    while attempts.count <= index { attempts[attempts.add { Attempt() }] = Attempt() }
    return index
  }

  /// For chance that goes with the task.
  @inline(__always)
  func nameOfTask(_ attempt: Int) -> UInt64 {
    UInt64(attempts[attempt].run) << 32 | UInt64(attempts[attempt].task)
  }

  func words(_ attempt: Int) -> String {
    let a = attempts[attempt]
    return "attempt \(a.number) of \(Names.task(a.task)) of run \(a.run) (dispatch \(attempt))"
  }

  func words(_ task: Int32, _ run: Int) -> String { "\(Names.task(task)) of run \(run)" }

  // MARK: Runs

  mutating func addRun(_ id: RunID, _ graph: PlanGraph) {
    let r = Int(id.value)
    if r != runCount { return violate("run \(id) is submitted, and there are \(runCount)") }
    _ = runs.add { Run() }
    runs[r].state = .queued
    runs[r].isKillRequested = false
    runs[r].families.empty()
    runs[r].dependencies.empty()
    runs[r].tasks.empty()
    openRuns += 1
    add(graph, to: r, generator: -1)
  }

  mutating func add(_ graph: PlanGraph, to r: Int, generator: Int32) {
    for family in graph.families {
      runs[r].families.append(
        Family(
          first: Int32(runs[r].tasks.count), count: family.count, maxRetries: family.maxRetries,
          retryInterval: .seconds(Int64(family.retryIntervalSeconds)), isGenerator: family.isGenerator,
          generator: generator))
      for _ in 0..<family.count {
        runs[r].tasks.append(Task(family: Int32(runs[r].families.count - 1)))
      }
    }
    for edge in graph.edges {
      runs[r].dependencies.append(
        Dependency(
          parent: edge.parent.family.value, parentOrdinal: edge.parent.ordinal ?? -1,
          child: edge.child.family.value, childOrdinal: edge.child.ordinal ?? -1))
    }
  }

  mutating func setState(_ state: RunState, ofRun r: Int) {
    if runs[r].state.isFinal != state.isFinal { openRuns += state.isFinal ? -1 : 1 }
    runs[r].state = state
  }

  mutating func setState(_ state: TaskState, of task: Int, inRun r: Int) {
    let old = runs[r].tasks[task].state
    if old == state { return }
    let f = Int(runs[r].tasks[task].family)
    if old == .completed { runs[r].families[f].completed -= 1 }
    if state == .completed { runs[r].families[f].completed += 1 }
    runs[r].tasks[task].state = state
  }

  @inline(__always)
  func isDropped(_ task: Int, inRun r: Int) -> Bool {
    runs[r].families[Int(runs[r].tasks[task].family)].isDropped
  }

  /// Calls `body` for each dependency of a task that counts.
  @inline(__always)
  func allParents(of task: Int, inRun r: Int, _ holds: (Dependency) -> Bool) -> Bool {
    let f = runs[r].tasks[task].family
    let ordinal = Int32(task) - runs[r].families[Int(f)].first
    for edge in runs[r].dependencies
    where edge.child == f && (edge.childOrdinal < 0 || edge.childOrdinal == ordinal)
      && !runs[r].families[Int(edge.parent)].isDropped
    {
      if !holds(edge) { return false }
    }
    return true
  }

  @inline(__always)
  func isCompleted(_ edge: Dependency, inRun r: Int) -> Bool {
    let parent = runs[r].families[Int(edge.parent)]
    if edge.parentOrdinal < 0 { return parent.completed == parent.count }
    return runs[r].tasks[Int(parent.first + edge.parentOrdinal)].state == .completed
  }

}
