public import Protocol

/// A run as it was written down.
public struct RestoredRun: Sendable {
  public var id: RunID
  public var state: RunState
  public var isKillRequested: Bool
  public var hasStarted: Bool
  public var latestStop: WallTime
  /// Of the whole dense index, dropped parts included.
  public var bytes: [TaskByte]
  public var histories: [(task: TaskIndex, history: TaskHistory)]
  /// The rows of attempts that are alive, whose output is being expanded, or whose result is awaited.
  public var open: [AttemptRecord]
  public var parts: [Part]

  /// The submitted document, or what a generator added.
  public struct Part: Sendable {
    public var firstTask: TaskIndex
    /// nil: the submitted document.
    public var generator: TaskIndex?
    public var isDropped: Bool
    /// Family indices count over the whole run; edges that tie it to the run are in it.
    public var graph: PlanGraph
    public init(firstTask: TaskIndex, generator: TaskIndex?, isDropped: Bool, graph: PlanGraph) {
      self.firstTask = firstTask
      self.generator = generator
      self.isDropped = isDropped
      self.graph = graph
    }
  }

  public init(
    id: RunID, state: RunState, isKillRequested: Bool, hasStarted: Bool, latestStop: WallTime,
    bytes: [TaskByte],
    histories: [(task: TaskIndex, history: TaskHistory)], open: [AttemptRecord], parts: [Part]
  ) {
    self.id = id
    self.state = state
    self.isKillRequested = isKillRequested
    self.hasStarted = hasStarted
    self.latestStop = latestStop
    self.bytes = bytes
    self.histories = histories
    self.open = open
    self.parts = parts
  }
}

public struct RestoredAgent: Sendable {
  public var name: String
  public var incarnation: Incarnation
  public var capacity: ResourceVector
  public var state: AgentState
  public init(name: String, incarnation: Incarnation, capacity: ResourceVector, state: AgentState) {
    self.name = name
    self.incarnation = incarnation
    self.capacity = capacity
    self.state = state
  }
}

/// All that a coordinator finds when it starts.
public struct RestoredState: Sendable {
  /// As last known, in the order of their numbers.
  public var agents: [RestoredAgent]
  /// All that are not final, by number.
  public var runs: [RestoredRun]
  public init(agents: [RestoredAgent], runs: [RestoredRun]) {
    self.agents = agents
    self.runs = runs
  }
}

// Recovery: what is stored comes back, what is derived is derived by the code that serves.
extension Scheduler {
  /// Goes on with what was written down. Nobody's lease ends before one full lease has passed from `now`.
  public init(
    restoring state: RestoredState, epoch: Epoch, settings: SchedulerSettings = SchedulerSettings(),
    at now: Instant
  ) {
    self.init(epoch: epoch, settings: settings)
    for agent in state.agents { load(agent, at: now) }
    for run in state.runs { load(run, at: now) }
    for a in agents.indices {
      // As they were sent, over all runs; the first that fit are taken to have room, as they had before.
      if agents[a].waiting.count > 1 {
        let attempts = attempts
        agents[a].waiting.sort { attempts[$0].fence < attempts[$1].fence }
      }
      fillRoom(a)
      expectDeadline(of: a)
    }
    nextDeadline = deadline()
  }

  private mutating func load(_ agent: RestoredAgent, at now: Instant) {
    let id = AgentID(Int32(agents.count))
    let state = agent.state == .active ? AgentState.suspect : agent.state
    let lastHeard =
      planted(.leaseNotRenewedAtRestart)
      ? Instant(nanoseconds: now.nanoseconds - settings.lease.nanoseconds) : now
    agents.append(
      AgentRecord(
        id: id, name: agent.name, incarnation: agent.incarnation, capacity: agent.capacity, state: state,
        at: lastHeard))
    agentsByName[agent.name] = id
  }

  /// A run that is not final, after a start; or a final one that somebody wants to change.
  public mutating func load(_ stored: RestoredRun, at now: Instant) {
    precondition(slots[stored.id] == nil, "run \(stored.id) is known")
    var run = RunRecord(id: stored.id)
    run.state = stored.state
    run.isKillRequested = stored.isKillRequested
    run.hasStarted = stored.hasStarted
    run.latestStop = stored.latestStop
    for (task, history) in stored.histories { run.histories[task.value] = history }
    let slot = insert(run)
    for part in stored.parts {
      let firstFamily = runs[slot].families.count
      append(part.graph.families, at: Int(part.firstTask.value), toRun: slot)
      for f in firstFamily..<runs[slot].families.count {
        runs[slot].families[f].isDropped = part.isDropped
        runs[slot].families[f].generator = part.generator
      }
    }
    precondition(
      runs[slot].bytes.count == stored.bytes.count,
      "run \(stored.id) has \(stored.bytes.count) stored tasks and \(runs[slot].bytes.count) by its documents"
    )
    runs[slot].bytes = stored.bytes
    runs[slot].edges = RunEdges(stored.parts.flatMap(\.graph.edges), families: runs[slot].families)
    for record in stored.open.sorted(by: { $0.fence < $1.fence }) { restore(record, inRun: slot) }
    derive(slot)
    for record in stored.open where record.state == .dispatched { restoreRevoking(record.fence, inRun: slot) }
    // What starts from now on waited for nothing that stopped later.
    for f in runs[slot].families.indices { runs[slot].families[f].notBefore = stored.latestStop }
    runs[slot].edges.setNotBefore(stored.latestStop)
    restoreRetries(slot, at: now)
    // What was read is on the disk.
    runs[slot].isDirty = false
    runs[slot].dirtyChunks = []
    if stored.state.isFinal { expectEviction(of: stored.id) }
    nextDeadline = deadline()
  }

  private mutating func restore(_ record: AttemptRecord, inRun run: Int) {
    let task = record.key.task
    if record.isAwaited { return awaitResult(of: record) }
    if runs[run].bytes[Int(task.value)].isExpanding {
      expanding[record.key] = record
      effects.append(.expand(record.key, record.number, record.fence))
      return
    }
    precondition(record.state.isAlive, "attempt \(record.fence) of a live task is \(record.state.name)")
    let a = Int(record.agent.value)
    let f = runs[run].family(of: task)
    let needs = ready[runs[run].families[f].shape].needs
    var attempt = LiveAttempt(
      fence: record.fence, key: record.key, number: record.number, family: Int32(f), agent: record.agent,
      needs: needs, lease: runs[run].families[f].lease, isSuspect: isSuspect(task, inRun: run), work: 0,
      phase: record.state == .running ? .running : .waiting, place: Int32(agents[a].attempts.count))
    attempt.isKillRequested = record.isKillRequested && !planted(.killForgottenAtRestart)
    attempt.start = record.start
    let slot = attempts.insert(attempt)
    slotsByFence[record.fence.value] = slot
    #if CARAVAN_PLANTS
      if planted(.noFence) { keysByFence[record.fence.value] = record.key }
    #endif
    list(slot, of: a)
    runs[run].aliveAttempts += 1
    if attempt.phase == .waiting {
      agents[a].waiting.append(slot)
      waitingCount += 1
    } else {
      agents[a].free -= needs
    }
  }

  /// What had not started was being asked back of a paused run (and of one that is being killed, which is told
  /// by a kill), and where something before it was to run again.
  private mutating func restoreRevoking(_ fence: Fence, inRun run: Int) {
    guard let slot = slotsByFence[fence.value] else { return }
    attempts[slot].isRevoking = runs[run].state == .paused || comesLater(slot, inRun: run)
  }

  /// An interval that a restart interrupted begins anew.
  private mutating func restoreRetries(_ slot: Int, at now: Instant) {
    guard count(.retry, inRun: slot) > 0, !planted(.retryForgottenAtRestart) else { return }
    for i in runs[slot].bytes.indices where runs[slot].bytes[i].state == .retry {
      let task = TaskIndex(i)
      if isDropped(task, inRun: slot) { continue }
      let seconds = Int64(runs[slot].families[runs[slot].family(of: task)].retryIntervalSeconds)
      retries.insert(
        RetryTimers.Entry(
          due: planted(.retryHurriedAtRestart) ? now : now + .seconds(seconds),
          key: TaskKey(runs[slot].id, task),
          number: runs[slot].history(of: task).lastNumber))
    }
  }
}
