import Protocol

/// A run that is not final, as the Scheduler keeps it: what is stored (`bytes`, `histories`, flags), and what
/// `derive` makes of it (counters, cursors). Live and recovered runs come from the same `derive`.
struct RunRecord: Sendable {
  let id: RunID
  var state: RunState = .queued
  var isKillRequested = false
  /// Whether a task was started since the run was last QUEUED.
  var hasStarted = false
  /// The latest stop, as stored, of a completed attempt.
  var latestStop = WallTime.none
  /// Every task's byte, by dense index.
  var bytes: [TaskByte] = []
  var histories: [Int32: TaskHistory] = [:]

  // Derived.
  var families: [FamilyRecord] = []
  var edges = RunEdges()
  /// Dropped families left out.
  var counts = TaskCounts()
  /// QUEUED, every parent COMPLETED, no attempt alive.
  var readyTasks: Int32 = 0
  var aliveAttempts: Int32 = 0
  var expandingTasks: Int32 = 0

  // What the next commit must write.
  var isDirty = false
  var dirtyChunks: [Int32] = []

  init(id: RunID) { self.id = id }

  /// The family of a task: by bisection over where families begin.
  @inline(__always)
  func family(of task: TaskIndex) -> Int {
    var low = 0
    var high = families.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if families[middle].first <= task.value { low = middle } else { high = middle }
    }
    return low
  }

  /// Whether every parent of the task is COMPLETED.
  @inline(__always) func parentsAreDone(_ task: TaskIndex, in family: Int) -> Bool {
    families[family].openParents == 0 && !edges.hasOpenParents(task)
  }

  /// Counts, barriers and cursors, made anew from the tasks' bytes. What is ready is counted by the caller, who
  /// has the queue.
  mutating func derive() {
    counts = TaskCounts()
    expandingTasks = 0
    readyTasks = 0
    for f in families.indices where !families[f].isDropped {
      let first = Int(families[f].first)
      var remaining = families[f].count
      for byte in bytes[first..<first + Int(families[f].count)] {
        counts.add(byte)
        if byte.isIn(.completed) { remaining -= 1 }
        if byte.isExpanding { expandingTasks += 1 }
      }
      families[f].remaining = remaining
      families[f].openParents = 0
      families[f].cursor = 0
      families[f].requeued.removeAll()
    }
    edges.forgetOpenParents()
    for edge in edges.all where !isDone(edge.parent) || planted(.barrierLeftShut) {
      let child = Int(edge.child.family.value)
      if let ordinal = edge.child.ordinal {
        edges.addOpenParent(of: families[child].task(ordinal))
      } else {
        families[child].openParents += 1
      }
    }
  }

  /// Whether all that this end of an edge means is COMPLETED.
  private func isDone(_ end: Endpoint) -> Bool {
    let family = Int(end.family.value)
    guard let ordinal = end.ordinal else { return families[family].remaining == 0 }
    return bytes[Int(families[family].first + ordinal)].state == .completed
  }

  mutating func setState(_ new: TaskState, of task: TaskIndex) {
    let i = Int(task.value)
    let old = bytes[i].state
    counts[old] -= 1
    counts[new] += 1
    bytes[i].state = new
    markDirty(task)
  }

  /// It was ready.
  mutating func attemptIsSent(of task: TaskIndex) {
    bytes[Int(task.value)].isAlive = true
    readyTasks -= 1
    aliveAttempts += 1
    markDirty(task)
  }

  mutating func attemptIsOver(of task: TaskIndex) {
    bytes[Int(task.value)].isAlive = false
    aliveAttempts -= 1
    markDirty(task)
  }

  mutating func markDirty(_ task: TaskIndex) {
    isDirty = true
    let chunk = task.value / Int32(Scheduler.chunkTasks)
    // Neighbours end together: the last entry is the likely one, and a batch touches few chunks.
    if dirtyChunks.last != chunk && !dirtyChunks.contains(chunk) { dirtyChunks.append(chunk) }
  }

  /// What the task's attempts cost so far; one attempt numbered 1 needs no record.
  @inline(__always)
  func history(of task: TaskIndex) -> TaskHistory {
    let byte = bytes[Int(task.value)]
    if byte.hasHistory { return histories[task.value]! }
    var plain = TaskHistory()
    plain.lastNumber = byte.hasAttempts ? 1 : 0
    return plain
  }
}

/// One family of a run: 80 bytes, since a DAG may have 100,000 of them.
struct FamilyRecord: Sendable {
  let first: Int32
  let count: Int32
  let shape: ShapeIndex
  let maxRetries: Int32
  let retryIntervalSeconds: Int32
  /// -1: the coordinator's.
  private let statedMaxLost: Int32
  let lease: TaskLease
  let isGenerator: Bool
  /// Its generator ran again: its tasks are gone, their indices stay unused.
  var isDropped = false
  /// Whether the ready queue has an entry for it.
  var isQueued = false
  /// Tasks that are not COMPLETED.
  var remaining: Int32
  /// Edges into the whole family whose parents are not all COMPLETED.
  var openParents: Int32 = 0
  /// Ordinals below were dispatched, or were passed over and come back through `requeued`.
  var cursor: Int32 = 0
  /// A heap of ordinals to be dispatched before the cursor goes on. May hold stale ones.
  var requeued = Heap<Int32>()
  /// The task whose output it came from; nil: the submitted document.
  var generator: TaskIndex?
  /// A moving mean of how long its tasks ran; 0: not known.
  var meanNanoseconds: Int64 = 0
  /// No task of it is shown to start before this: its parents' latest stop.
  var notBefore = WallTime.none

  init(_ family: Family, first: Int32, shape: ShapeIndex) {
    self.first = first
    self.shape = shape
    count = family.count
    maxRetries = family.maxRetries
    retryIntervalSeconds = family.retryIntervalSeconds
    statedMaxLost = family.maxLost ?? -1
    lease = family.lease
    isGenerator = family.isGenerator
    remaining = family.count
  }

  /// nil: the coordinator's.
  var maxLost: Int32? { statedMaxLost < 0 ? nil : statedMaxLost }
  func task(_ ordinal: Int32) -> TaskIndex { TaskIndex(first + ordinal) }
  func ordinal(_ task: TaskIndex) -> Int32 { task.value - first }
}
