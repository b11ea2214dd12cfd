import Protocol
import Scheduling

/// What the database would hold: effects and changed runs go in, what a restart finds comes out.
struct KeptState {
  struct Run {
    var state = RunState.queued
    var isKillRequested = false
    var hasStarted = false
    var latestStop = WallTime.none
    var bytes: [UInt8] = []
    var histories: [Int32: TaskHistory] = [:]
    var attempts: [Attempt: AttemptRecord] = [:]
    var parts: [RestoredRun.Part] = []
  }
  struct Attempt: Hashable {
    var task: TaskIndex
    var number: AttemptNumber
  }
  var runs: [RunID: Run] = [:]
  private var agents: [AgentID: RestoredAgent] = [:]

  // MARK: Writing

  /// The documents that an event brings, to be kept before it is handled.
  mutating func keep(documentsOf event: Event, _ scheduler: Scheduler) {
    switch event {
    case .submitted(let id, let graph):
      runs[id] = Run()
      runs[id]!.parts = [
        RestoredRun.Part(firstTask: TaskIndex(0), generator: nil, isDropped: false, graph: graph)
      ]
    case .generatorExpanded(let id, let task, let fence, .added(_, let firstTask, let graph, let moved))
    where scheduler.isExpanding(TaskKey(id, task), fence):
      runs[id]!.parts.append(
        RestoredRun.Part(firstTask: firstTask, generator: task, isDropped: false, graph: graph))
      for (from, to) in moved { move(from, to, inRun: id) }
    default: break
    }
  }

  private mutating func move(_ from: TaskIndex, _ to: TaskIndex, inRun id: RunID) {
    runs[id]!.histories[to.value] = runs[id]!.histories.removeValue(forKey: from.value)
    for (attempt, record) in runs[id]!.attempts where attempt.task == from {
      runs[id]!.attempts[attempt] = nil
      var record = record
      record.key = TaskKey(id, to)
      runs[id]!.attempts[Attempt(task: to, number: attempt.number)] = record
    }
  }

  /// What the events so far ask to be written.
  mutating func keep(_ effects: [Effect], _ scheduler: inout Scheduler) {
    for effect in effects { keep(effect, scheduler) }
    scheduler.drainDirtyRuns { keep($0) }
  }

  private mutating func keep(_ effect: Effect, _ scheduler: Scheduler) {
    switch effect {
    case .attemptInserted(let record), .attemptUpdated(let record):
      runs[record.key.run]!.attempts[Attempt(task: record.key.task, number: record.number)] = record
    case .attemptDeleted(let key, let number):
      runs[key.run]!.attempts[Attempt(task: key.task, number: number)] = nil
    case .historyChanged(let key, let history): runs[key.run]!.histories[key.task.value] = history
    case .agentChanged(let id):
      let agent = scheduler.agents[Int(id.value)]
      agents[id] = RestoredAgent(
        name: agent.name, incarnation: agent.incarnation, capacity: agent.capacity, state: agent.state)
    case .partsDropped(let run, let generator): drop(madeBy: generator, of: run)
    default: break
    }
  }

  private mutating func drop(madeBy generator: TaskIndex, of run: RunID) {
    var makers: Set<TaskIndex> = [generator]
    for i in runs[run]!.parts.indices {
      let part = runs[run]!.parts[i]
      guard !part.isDropped, let maker = part.generator, makers.contains(maker) else { continue }
      runs[run]!.parts[i].isDropped = true
      for task in part.firstTask.value..<part.firstTask.value + Int32(part.graph.taskCount) {
        makers.insert(TaskIndex(task))
      }
    }
  }

  private mutating func keep(_ dirty: borrowing DirtyRun) {
    var run = runs[dirty.id]!
    run.state = dirty.state
    run.isKillRequested = dirty.isKillRequested
    run.hasStarted = dirty.hasStarted
    run.latestStop = dirty.latestStop
    if run.bytes.count < dirty.taskCount {
      run.bytes += Array(repeating: 0, count: dirty.taskCount - run.bytes.count)
    }
    for (index, bytes) in dirty.chunks {
      let from = Int(index) * Scheduler.chunkTasks
      run.bytes.replaceSubrange(from..<from + bytes.count, with: bytes)
    }
    runs[dirty.id] = run
  }

  // MARK: Reading

  var state: RestoredState {
    RestoredState(
      agents: agents.sorted { $0.key < $1.key }.map(\.value),
      runs: runs.keys.sorted().filter { !runs[$0]!.state.isFinal }.map { run($0) })
  }

  func run(_ id: RunID) -> RestoredRun {
    let run = runs[id]!
    let open = run.attempts.values.filter { record in
      let byte = TaskByte(raw: run.bytes[Int(record.key.task.value)])
      if record.isAwaited { return true }
      if record.state.isAlive { return byte.isAlive }
      return byte.isExpanding
        && record.number.value
          == run.attempts.keys.filter { $0.task == record.key.task }.map(\.number.value).max()
    }
    return RestoredRun(
      id: id, state: run.state, isKillRequested: run.isKillRequested, hasStarted: run.hasStarted,
      latestStop: run.latestStop, bytes: run.bytes.map { TaskByte(raw: $0) },
      histories: run.histories.map { (TaskIndex($0.key), $0.value) }.sorted { $0.0 < $1.0 },
      open: open.sorted { $0.fence < $1.fence }, parts: run.parts)
  }
}
