public import Protocol

/// The heart: what is known of runs, attempts and agents, and what follows from each thing that happens.
///
/// A value without I/O, clock or chance: `handle` takes an event and the time, and appends what must be done
/// to `effects`. The driver writes a batch's effects and dirty runs down in one transaction, and tells agents
/// and people only then. An actor that also wrote and sent was not taken: here a test, a simulation and a
/// recovery run the very code that serves.
///
/// Everything is reached by dense indices: tasks by `TaskIndex`, families by their place, attempts by slots
/// of a slab (`attempts`), agents by `AgentID`. No hash order decides anything.
public struct Scheduler: Sendable {
  /// Tasks whose bytes are written together.
  public static let chunkTasks = 4000

  let settings: SchedulerSettings
  let epoch: Epoch
  private var fencesGiven: Int64 = 0

  // Runs that are not final, and those that became so since the last `evictFinalRuns`.
  var runs: [RunRecord] = []
  var slots = SlotTable()
  private var freeSlots: [Int] = []
  private var endedRuns: [RunID] = []
  var dirtyRuns: [RunID] = []

  var ready = ReadyQueue()
  var retries = RetryTimers()

  public internal(set) var agents: [AgentRecord] = []
  var agentsByName: [String: AgentID] = [:]
  var agentDeadline: Instant?
  /// Agents that may take something they could not before.
  var changedAgents: [AgentID] = []
  /// While tasks are placed: heads that found no agent, in order.
  var blocked: [Head] = []

  var attempts = Slab<LiveAttempt>()
  var slotsByFence = SlotTable()
  #if CARAVAN_PLANTS
    /// Also of attempts that are over, for `noFence`.
    var keysByFence: [Int64: TaskKey] = [:]
  #endif
  /// Ended well and waiting for their output to be expanded.
  var expanding: [TaskKey: AttemptRecord] = [:]
  var awaited = AwaitedAttempts()
  /// Ready, and in no queue: they wait for an agent that has no other suspect.
  var apart: [TaskKey] = []
  /// Nothing is dispatched at present: see `setHeld`.
  public internal(set) var isHeld = false

  var effects: [Effect] = []

  // Kept, so that who asks between events is given them, and not a copy of all of this.

  /// When `.clockTicked` is wanted next; nil: nothing is due.
  public internal(set) var nextDeadline: Instant?
  /// Attempts that are sent and wait beside the slots of some agent.
  public internal(set) var waitingCount = 0

  public init(epoch: Epoch, settings: SchedulerSettings = SchedulerSettings()) {
    self.epoch = epoch
    self.settings = settings
  }

  // MARK: Driving

  /// Takes in one event and does what follows from it.
  public mutating func handle(_ event: consuming Event, at now: Instant) {
    switch consume event {
    case .submitted(let id, let graph): submit(id, graph)
    case .commanded(let id, let command): effects.append(.answer(id, obey(command)))
    case .generatorExpanded(let run, let task, let fence, let outcome):
      expanded(TaskKey(run, task), fence, outcome, at: now)
    case .agentArrived(let arrival): agentArrived(arrival, at: now)
    case .agentListed(let agent, let session, let held, let isLast):
      if isCurrent(agent, session) { agentListed(agent, held, isLast: isLast, at: now) }
    case .agentHeard(let agent, let session): if isCurrent(agent, session) { agentHeard(agent, at: now) }
    case .agentHeartbeat(let agent, let session):
      if isCurrent(agent, session) { agentHeartbeat(agent, at: now) }
    case .agentUnfit(let agent, let session, let reason):
      if isCurrent(agent, session) { agentUnfit(agent, reason) }
    case .agentDisconnected(let agent, let session):
      if isCurrent(agent, session) { agentDisconnected(agent, at: now) }
    case .agentLeft(let agent, let session, let reason):
      if isCurrent(agent, session) { agentLeft(agent, reason: reason, at: now) }
    case .attemptStarted(let agent, let session, let fence, let time):
      if isCurrent(agent, session) { started(fence, by: agent, at: time) }
    case .attemptEnded(let agent, let session, let fence, let result):
      if isCurrent(agent, session) {
        // Its process is dead, and what is left of it says so: nothing new for it until it is back.
        if result.kind == .lost { agents[Int(agent.value)].hasHandedBack = true }
        ended(fence, by: agent, result, at: now)
      }
    case .attemptRevoked(let agent, let session, let fence):
      if isCurrent(agent, session) { revoked(fence, by: agent) }
    case .attemptHandedBack(let agent, let session, let fence, let result):
      if isCurrent(agent, session) { handedBack(fence, by: agent, result) }
    case .clockTicked:
      wakeRetries(at: now)
      checkAgents(at: now)
    case .stoodStill: forgiveSilence(at: now)
    }
    if !ready.active.isEmpty || !changedAgents.isEmpty { place(at: now) }
    nextDeadline = deadline()
  }

  /// What `nextDeadline` is to be.
  @inline(__always)
  func deadline() -> Instant? {
    var next = retries.earliest
    if let due = agentDeadline { next = min(next ?? due, due) }
    if let due = reservationDeadline { next = min(next ?? due, due) }
    return next
  }

  /// Hands over what the events so far ask for, in order.
  public mutating func takeEffects() -> [Effect] {
    var out: [Effect] = []
    takeEffects(into: &out)
    return out
  }

  /// The same; what `out` held goes, and its storage is used again.
  public mutating func takeEffects(into out: inout [Effect]) {
    out.empty()
    swap(&effects, &out)
  }

  /// Calls `write` for each run that changed since the last call, once.
  public mutating func drainDirtyRuns(_ write: (borrowing DirtyRun) -> Void) {
    if dirtyRuns.isEmpty { return }
    for i in dirtyRuns.indices {
      guard let slot = slots[dirtyRuns[i]], runs[slot].isDirty else { continue }
      var dirty = DirtyRun(
        id: runs[slot].id, state: runs[slot].state, isKillRequested: runs[slot].isKillRequested,
        hasStarted: runs[slot].hasStarted, latestStop: runs[slot].latestStop, counts: runs[slot].counts,
        bytes: [], dirtyChunks: [])
      swap(&dirty.bytes, &runs[slot].bytes)
      swap(&dirty.dirtyChunks, &runs[slot].dirtyChunks)
      write(dirty)
      swap(&dirty.bytes, &runs[slot].bytes)
      dirty.dirtyChunks.empty()
      swap(&dirty.dirtyChunks, &runs[slot].dirtyChunks)
      runs[slot].isDirty = false
    }
    dirtyRuns.empty()
  }

  /// Forgets the runs that ended; to be called once their end is committed. A command to one of them loads it
  /// again first.
  public mutating func evictFinalRuns() -> [RunID] {
    if endedRuns.isEmpty { return [] }
    var evicted: [RunID] = []
    for id in endedRuns {
      guard let slot = slots[id], runs[slot].state.isFinal else { continue }
      slots[id] = nil
      runs[slot] = RunRecord(id: RunID(-1))
      freeSlots.append(slot)
      evicted.append(id)
    }
    endedRuns.empty()
    return evicted
  }

  /// nil: the run is not among those kept.
  public func taskState(_ key: TaskKey) -> TaskState? {
    slots[key.run].map { runs[$0].bytes[Int(key.task.value)].state }
  }

  /// Whether the task has attempts that people see.
  @inline(__always)
  public func hasAttempts(_ key: TaskKey) -> Bool {
    slots[key.run].map { runs[$0].bytes[Int(key.task.value)].hasAttempts } ?? false
  }

  @inline(__always)
  public func knows(_ run: RunID) -> Bool { slots[run] != nil }

  /// Whether this attempt's output is awaited.
  @inline(__always)
  public func isExpanding(_ key: TaskKey, _ fence: Fence) -> Bool { expanding[key]?.fence == fence }

  public func agentID(named name: String) -> AgentID? { agentsByName[name] }

  public func agent(named name: String) -> AgentRecord? {
    agentsByName[name].map { agents[Int($0.value)] }
  }

  // MARK: Parts used throughout

  mutating func nextFence() -> Fence {
    fencesGiven += 1
    return Fence(epoch: planted(.fencesBeginAnew) ? Epoch(1) : epoch, counter: fencesGiven)
  }

  mutating func insert(_ run: consuming RunRecord) -> Int {
    let id = run.id
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
      runs[slot] = run
    } else {
      slot = runs.count
      if slot == 0 { runs.reserveCapacity(4) }
      runs.append(run)
    }
    slots[id] = slot
    return slot
  }

  /// The run's row will be written with this batch.
  mutating func touch(_ slot: Int) {
    runs[slot].isDirty = true
    if dirtyRuns.last != runs[slot].id { dirtyRuns.append(runs[slot].id) }
  }

  /// Whether the run's tasks may be dispatched.
  @inline(__always)
  func isDispatchable(_ slot: Int) -> Bool {
    if planted(.pausedRunDispatches), runs[slot].state == .paused { return true }
    return !runs[slot].isKillRequested && (runs[slot].state == .queued || runs[slot].state == .running)
  }

  mutating func setState(_ state: RunState, ofRun slot: Int) {
    runs[slot].state = state
    touch(slot)
    effects.append(.runStateChanged(runs[slot].id, state))
    if state.isFinal {
      endedRuns.append(runs[slot].id)
      stopAwaiting(ofRun: slot)
    }
  }

  mutating func setState(_ state: TaskState, of task: TaskIndex, inRun slot: Int) {
    runs[slot].setState(state, of: task)
    touch(slot)
  }

  /// A final run that a command may not have changed goes again with the next eviction.
  mutating func expectEviction(of run: RunID) { endedRuns.append(run) }

  /// Whether what comes on that session is the agent's word: it has none that is newer.
  @inline(__always)
  public func isCurrent(_ agent: AgentID, _ session: SessionID) -> Bool {
    planted(.oldSessionHeard) || agents[Int(agent.value)].session == session
  }
}
