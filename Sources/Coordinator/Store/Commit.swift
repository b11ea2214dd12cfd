import Protocol
import Scheduling

/// Everything that one transaction writes, gathered by the Engine from a batch of events.
struct Commit {
  var runsAdded: [RunAdded] = []
  var partsAdded: [PartAdded] = []
  var partsDropped: [PartDropped] = []
  /// The whole current row of each run that changed (and of those added).
  var runs: [RunRow] = []
  var runStateChanges: [RunStateChange] = []
  /// Chunks of state bytes that changed, each whole.
  var chunks: [StateChunk] = []
  /// In order.
  var attempts: [AttemptWrite] = []
  var histories: [HistoryWrite] = []
  var agents: [AgentRow] = []

  var isEmpty: Bool {
    runsAdded.isEmpty && partsAdded.isEmpty && partsDropped.isEmpty && runs.isEmpty
      && runStateChanges.isEmpty && chunks.isEmpty && attempts.isEmpty && histories.isEmpty && agents.isEmpty
  }
}

/// A run as it was submitted; its changing row is in `Commit.runs` of the same transaction.
struct RunAdded {
  var run: RunID
  /// The document as sent, without BOM: part 0.
  var document: [UInt8]
}

/// What a generator's output added to a run.
struct PartAdded {
  var run: RunID
  /// From 1, in order of addition; part 0 is the submitted document.
  var part: Int32
  var generator: TaskIndex
  var document: [UInt8]
  /// Names that come again: their attempts move from the dropped index to the new one.
  var moved: [(from: TaskIndex, to: TaskIndex)]
}

struct PartDropped {
  var run: RunID
  var part: Int32
}

struct RunRow: Hashable {
  var run: RunID
  var state: RunState
  var tag: String
  /// A JSON object as text.
  var labels: String
  var taskCount: Int32
  /// Tasks by state, indexed by `TaskState.rawValue`.
  var counts: [Int32]
  var isKillRequested: Bool
  /// Whether a task was started since the run was last QUEUED.
  var hasStarted: Bool
  var submitted: WallTime
  /// The last change of the run or of a task of it.
  var lastUpdate: WallTime
  /// The latest stop, as stored, of a completed attempt.
  var latestStop: WallTime
}

struct RunStateChange {
  var run: RunID
  var time: WallTime
  var state: RunState
}

struct StateChunk {
  /// Tasks a chunk holds: one page of the database.
  static let tasks = 4000
  var run: RunID
  var index: Int32
  /// `TaskByte.raw` of each; at most `tasks`.
  var bytes: [UInt8]
}

enum AttemptWrite {
  case insert(AttemptRow)
  case update(AttemptRow)
  /// It never started: it leaves no trace.
  case delete(TaskKey, AttemptNumber)
}

struct AttemptRow: Hashable {
  var key: TaskKey
  var number: AttemptNumber
  var fence: Fence
  var agent: AgentID
  var state: AttemptState
  /// A person asked for its end: said before it is sent, and never taken back.
  var isKillRequested: Bool
  /// It was taken for lost by its agent's silence, and its result may still come.
  var isAwaited = false
  /// As shown: the agent's times, shifted so that no task starts before its parents stopped. 0: none yet.
  var start: WallTime
  var stop: WallTime
  var rc: Int32
  /// For people; mostly empty.
  var words: String
  var cpuMicroseconds: Int64
  var peakMemoryKB: Int64
  var stdoutBytes: Int64
  var stderrBytes: Int64
}

struct HistoryWrite {
  var key: TaskKey
  /// nil: the row goes.
  var history: TaskHistory?
}

/// An agent as last heard of. `id` counts from 0; names are unique.
struct AgentRow: Hashable {
  var id: AgentID
  var name: String
  var incarnation: Incarnation
  var capacity: ResourceVector
  var labels: [String: String]
  var state: AgentState
  var software: String
  var lastSeen: WallTime
}
