import Protocol
import Scheduling

/// What `state.db` holds: committed batches, and the rules of its tables and of `CommitWriter`, which trap a
/// write that does not fit what is there. A commit is kept as a whole or not at all.
struct StateDisk {
  struct Run {
    var state = RunState.queued
    var isKillRequested = false
    var hasStarted = false
    var latestStop = WallTime.none
    var bytes: [UInt8] = []
    var histories: [(task: Int32, history: TaskHistory)] = []
    var attempts: [AttemptRecord] = []
    var parts: [RunPart] = []

    func attempt(_ task: TaskIndex, _ number: AttemptNumber) -> Int? {
      attempts.lastIndex { $0.key.task == task && $0.number == number }
    }
  }

  private(set) var epoch: Int64 = 0
  private(set) var nextRun: Int64 = 0
  private(set) var runs: [Run] = []
  private(set) var agents: [RestoredAgent] = []
  /// The first write that the database would have refused.
  private(set) var fault: String?

  mutating func reset() {
    epoch = 0
    nextRun = 0
    runs.removeAll(keepingCapacity: true)
    agents.removeAll(keepingCapacity: true)
    fault = nil
  }

  mutating func countStart() { epoch += 1 }

  // MARK: A commit, in `CommitWriter`'s order

  mutating func addRun(_ run: RunID, _ part: RunPart) {
    if run.value != nextRun || run.value != runs.count { return refuse("run \(run) is added again") }
    nextRun += 1
    runs.append(Run())
    runs[runs.count - 1].parts.append(part)
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
      for i in runs[r].histories.indices where runs[r].histories[i].task == from.value {
        runs[r].histories[i].task = to.value
      }
    }
  }

  mutating func put(_ dirty: DirtyRun) {
    let r = Int(dirty.id.value)
    runs[r].state = dirty.state
    runs[r].isKillRequested = dirty.isKillRequested
    runs[r].hasStarted = dirty.hasStarted
    runs[r].latestStop = dirty.latestStop
    for (index, bytes) in dirty.chunks {
      let from = Int(index) * Scheduler.chunkTasks
      if runs[r].bytes.count < from + bytes.count {
        runs[r].bytes.append(
          contentsOf: repeatElement(0, count: from + bytes.count - runs[r].bytes.count))
      }
      runs[r].bytes.replaceSubrange(from..<from + bytes.count, with: bytes)
    }
    if runs[r].bytes.count != dirty.taskCount { refuse("run \(dirty.id) lacks bytes of its tasks") }
    let underWay = dirty.counts[Int(TaskState.running.rawValue)] + dirty.counts[Int(TaskState.retry.rawValue)]
    if dirty.state.isFinal && underWay > 0 { refuse("run \(dirty.id) is final with tasks under way") }
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
    let at = runs[r].histories.firstIndex { $0.task == key.task.value }
    switch (at, history) {
    case (let at?, let history?): runs[r].histories[at].history = history
    case (nil, let history?): runs[r].histories.append((key.task.value, history))
    case (let at?, nil): runs[r].histories.remove(at: at)
    case (nil, nil): break
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
    for (task, raw) in run.bytes.enumerated() {
      let byte = TaskByte(raw: raw)
      guard byte.isAlive || byte.isExpanding else { continue }
      var latest: AttemptRecord?
      for record in run.attempts where Int(record.key.task.value) == task {
        if latest.map({ $0.number < record.number }) ?? true { latest = record }
      }
      guard let latest, latest.state.isAlive == byte.isAlive else {
        refuse("run \(id): the byte of task \(task) is \(raw), but its attempts say otherwise")
        continue
      }
      open.append(latest)
    }
    for record in run.attempts where record.isAwaited { open.append(record) }
    return RestoredRun(
      id: id, state: run.state, isKillRequested: run.isKillRequested, hasStarted: run.hasStarted,
      latestStop: run.latestStop, bytes: run.bytes.map { TaskByte(raw: $0) },
      histories: run.histories.sorted { $0.task < $1.task }.map { (TaskIndex($0.task), $0.history) },
      open: open,
      parts: run.parts.map {
        RestoredRun.Part(
          firstTask: TaskIndex($0.firstTask), generator: $0.generator, isDropped: $0.isDropped,
          graph: $0.graph)
      })
  }
}
