import Protocol
import Scheduling

/// What `state.db` holds: committed batches, and the rules of its tables and of `CommitWriter`, which trap a
/// write that does not fit what is there. A commit is kept as a whole or not at all.
struct StateDisk: ~Copyable {
  struct Run {
    var state = RunState.queued
    var isKillRequested = false
    var hasStarted = false
    var latestStop = WallTime.none
    var bytes: [TaskByte] = []
    /// By task.
    var histories: [(task: Int32, history: TaskHistory)] = []
    var attempts: [AttemptRecord] = []
    var parts: [RunPart] = []

    mutating func reset() {
      state = .queued
      isKillRequested = false
      hasStarted = false
      latestStop = .none
      bytes.empty()
      histories.empty()
      attempts.empty()
      parts.empty()
    }

    func attempt(_ task: TaskIndex, _ number: AttemptNumber) -> Int? {
      attempts.lastIndex { $0.key.task == task && $0.number == number }
    }
  }

  private(set) var epoch: Int64 = 0
  private(set) var nextRun: Int64 = 0
  private(set) var runs = Kept<Run>()
  private(set) var agents: [RestoredAgent] = []
  /// The first write that the database would have refused.
  private(set) var fault: String?

  mutating func reset() {
    epoch = 0
    nextRun = 0
    runs.empty()
    agents.empty()
    fault = nil
  }

  mutating func countStart() { epoch += 1 }

  // MARK: A commit, in `CommitWriter`'s order

  mutating func addRun(_ run: RunID, _ part: RunPart) {
    if run.value != nextRun || run.value != runs.count { return refuse("run \(run) is added again") }
    nextRun += 1
    let r = runs.add { Run() }
    runs[r].reset()
    runs[r].parts.append(part)
  }

  mutating func dropPart(_ run: RunID, _ part: Int) {
    guard part < runs[Int(run.value)].parts.count else {
      return refuse("part \(part) of run \(run) is dropped and not there")
    }
    runs[Int(run.value)].parts[part].isDropped = true
  }

  mutating func addPart(
    _ run: RunID, _ part: RunPart, moved: [(from: TaskIndex, to: TaskIndex)]
  ) {
    let r = Int(run.value)
    runs[r].parts.append(part)
    for (from, to) in moved {
      for i in runs[r].attempts.indices where runs[r].attempts[i].key.task == from {
        runs[r].attempts[i].key = TaskKey(run, to)
      }
      if let at = runs[r].histories.firstIndex(where: { $0.task == from.value }) {
        let history = runs[r].histories.remove(at: at).history
        put(TaskKey(run, to), history)
      }
    }
  }

  mutating func put(_ dirty: DirtyRow, of batch: borrowing Batch) {
    let r = Int(dirty.id.value)
    runs[r].state = dirty.state
    runs[r].isKillRequested = dirty.isKillRequested
    runs[r].hasStarted = dirty.hasStarted
    runs[r].latestStop = dirty.latestStop
    for i in dirty.chunks {
      let chunk = batch.chunks[i]
      let first = Int(chunk.index) * Scheduler.chunkTasks
      let missing = first + chunk.bytes.count - runs[r].bytes.count
      if missing > 0 { runs[r].bytes.append(contentsOf: repeatElement(TaskByte(.queued), count: missing)) }
      runs[r].bytes.withUnsafeMutableBufferPointer { stored in
        var task = first
        for at in chunk.bytes {
          stored[task] = batch.bytes[at]
          task += 1
        }
      }
    }
    if runs[r].bytes.count != dirty.taskCount { refuse("run \(dirty.id) lacks bytes of its tasks") }
    if dirty.state.isFinal && dirty.underWay > 0 { refuse("run \(dirty.id) is final with tasks under way") }
  }

  mutating func insert(_ record: AttemptRecord) {
    let r = Int(record.key.run.value)
    if runs[r].attempt(record.key.task, record.number) != nil {
      return refuse("attempt \(record.number) of \(record.key) is inserted twice")
    }
    runs[r].attempts.append(record)
  }

  mutating func update(_ record: AttemptRecord) {
    let r = Int(record.key.run.value)
    guard let at = runs[r].attempt(record.key.task, record.number) else {
      return refuse("attempt \(record.number) of \(record.key) is updated and not there")
    }
    if record.isAwaited && record.state != .lost {
      return refuse("attempt \(record.number) of \(record.key) is awaited and \(record.state)")
    }
    runs[r].attempts[at] = record
  }

  mutating func delete(_ key: TaskKey, _ number: AttemptNumber) {
    let r = Int(key.run.value)
    guard let at = runs[r].attempt(key.task, number) else {
      return refuse("attempt \(number) of \(key) is deleted and not there")
    }
    runs[r].attempts.remove(at: at)
  }

  mutating func put(_ key: TaskKey, _ history: TaskHistory?) {
    let r = Int(key.run.value)
    let at = runs[r].histories.firstIndex { $0.task >= key.task.value } ?? runs[r].histories.count
    let isThere = at < runs[r].histories.count && runs[r].histories[at].task == key.task.value
    switch (isThere, history) {
    case (true, let history?): runs[r].histories[at].history = history
    case (false, let history?): runs[r].histories.insert((key.task.value, history), at: at)
    case (true, nil): runs[r].histories.remove(at: at)
    case (false, nil): break
    }
  }

  mutating func put(_ id: AgentID, _ agent: RestoredAgent) {
    if Int(id.value) < agents.count {
      agents[Int(id.value)] = agent
    } else if Int(id.value) == agents.count {
      agents.append(agent)
    } else {
      refuse("agent \(id) is written before agent \(agents.count)")
    }
  }

  private mutating func refuse(_ words: String) { fault = fault ?? "the database refuses: \(words)" }

  // MARK: Reading

  /// Agents, and runs that are not final.
  mutating func restored() -> RestoredState {
    var open: [RestoredRun] = []
    for run in runs.indices where !runs[run].state.isFinal { open.append(restored(RunID(Int64(run)))) }
    return RestoredState(agents: agents, runs: open)
  }

  /// As `StoredRun` reads it.
  mutating func restored(_ id: RunID) -> RestoredRun {
    let run = runs[Int(id.value)]
    var open: [AttemptRecord] = []
    for (task, byte) in run.bytes.enumerated() {
      guard byte.isAlive || byte.isExpanding else { continue }
      var latest: AttemptRecord?
      for record in run.attempts where Int(record.key.task.value) == task {
        if latest.map({ $0.number < record.number }) ?? true { latest = record }
      }
      guard let latest, latest.state.isAlive == byte.isAlive else {
        refuse("run \(id): the byte of task \(task) is \(byte.raw), but its attempts say otherwise")
        continue
      }
      open.append(latest)
    }
    for record in run.attempts where record.isAwaited { open.append(record) }
    return RestoredRun(
      id: id, state: run.state, isKillRequested: run.isKillRequested, hasStarted: run.hasStarted,
      latestStop: run.latestStop, bytes: run.bytes,
      histories: run.histories.map { (TaskIndex($0.task), $0.history) },
      open: open,
      parts: run.parts.map {
        RestoredRun.Part(
          firstTask: TaskIndex($0.firstTask), generator: $0.generator, isDropped: $0.isDropped,
          graph: $0.graph)
      })
  }
}
