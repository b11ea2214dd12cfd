import Protocol
import Scheduling

/// A Scheduler with agents that do what agents do, one step at a time: for telling stories in tests.
///
/// Its agents take Starts in order, begin them as room frees, and say what the test makes them say.
struct Stage {
  var scheduler: Scheduler
  var now = Instant(nanoseconds: 1_000_000_000)
  var wall: Int64 = 1_700_000_000_000_000_000
  /// What each agent holds, in the order it came.
  var held: [AgentID: [Held]] = [:]
  var sessions: [AgentID: SessionID] = [:]
  var answers: [CommandID: Refusal?] = [:]
  var records: [Fence: AttemptRecord] = [:]
  var runStates: [RunID: [RunState]] = [:]
  var expansions: [(TaskKey, Fence)] = []
  var acknowledged: [Fence] = []
  /// Whatever agents were told to kill.
  var killed: [Fence] = []
  /// As last written; nil: nothing worth a row.
  var histories: [TaskKey: TaskHistory?] = [:]
  var refusals: [String] = []
  private var kept = KeptState()
  private let settings: SchedulerSettings
  private var epoch: Int64 = 1
  private var nextSession: Int64 = 0
  private var nextCommand: Int64 = 0

  struct Held: Hashable {
    var key: TaskKey
    var number: AttemptNumber
    var fence: Fence
    var isRunning = false
    var isKilled = false
  }

  init(settings: SchedulerSettings = SchedulerSettings()) {
    self.settings = settings
    scheduler = Scheduler(epoch: Epoch(1), settings: settings)
  }

  /// The coordinator dies and comes back from what was written. Agents keep what they have. Answers in what the
  /// two differ.
  mutating func restart() -> String? {
    epoch += 1
    let live = scheduler
    scheduler = Scheduler(restoring: kept.state, epoch: Epoch(epoch), settings: settings, at: now)
    sessions = [:]
    hear()
    return live.difference(from: scheduler)
  }

  // MARK: Saying

  mutating func say(_ event: Event) {
    kept.keep(documentsOf: event, scheduler)
    scheduler.handle(event, at: now)
    hear()
  }

  /// Connected agents' heartbeats go on meanwhile.
  mutating func pass(_ period: Period) {
    now = now + period
    wall += period.nanoseconds
    for agent in sessions.keys.sorted() { say(.agentHeartbeat(agent, sessions[agent]!)) }
    say(.clockTicked)
  }

  mutating func submit(_ id: Int64, _ families: [Family], _ edges: [Edge] = []) {
    say(.submitted(RunID(id), PlanGraph(families: families, edges: edges)))
  }

  @discardableResult
  mutating func command(_ command: RunCommand) -> Refusal? {
    nextCommand += 1
    let id = CommandID(nextCommand)
    say(.commanded(id, command))
    return answers[id]!
  }

  @discardableResult
  mutating func agent(
    _ name: String, cores: Int64 = 1, memoryMB: Int64 = 1000, directory: String? = nil, start: Int64 = 1,
    lists: [ToCoordinator.Held] = []
  ) -> AgentID {
    nextSession += 1
    let session = SessionID(nextSession)
    say(
      .agentArrived(
        AgentArrival(
          session: session, name: name,
          incarnation: Incarnation(directoryID: directory ?? name, bootID: "boot", startNumber: start),
          capacity: ResourceVector(milliCores: cores * 1000, memoryMB: memoryMB))))
    let id = scheduler.agent(named: name)!.id
    if sessions[id] == session { say(.agentListed(id, session, lists, isLast: true)) }
    return id
  }

  mutating func disconnect(_ agent: AgentID) {
    guard let session = sessions.removeValue(forKey: agent) else { return }
    say(.agentDisconnected(agent, session))
  }

  // MARK: What agents do

  /// The agent begins the attempt it holds of this task.
  mutating func start(_ task: Int32, run: Int64 = 0) {
    let (agent, i) = find(task, run)
    held[agent]![i].isRunning = true
    say(.attemptStarted(agent, sessions[agent]!, held[agent]![i].fence, at: WallTime(nanoseconds: wall)))
  }

  mutating func end(_ task: Int32, run: Int64 = 0, rc: Int32 = 0, lasting: Period = .milliseconds(1)) {
    let (agent, i) = find(task, run)
    let attempt = held[agent]!.remove(at: i)
    let start = WallTime(nanoseconds: wall)
    let stop = WallTime(nanoseconds: wall + lasting.nanoseconds)
    wall += lasting.nanoseconds
    say(
      .attemptEnded(agent, sessions[agent]!, attempt.fence, AttemptResult(rc: rc, start: start, stop: stop)))
  }

  func find(_ task: Int32, _ run: Int64) -> (AgentID, Int) {
    let key = TaskKey(RunID(run), TaskIndex(task))
    for (agent, attempts) in held {
      if let i = attempts.firstIndex(where: { $0.key == key }) { return (agent, i) }
    }
    preconditionFailure("no agent holds task \(task) of run \(run)")
  }

  func holds(_ task: Int32, run: Int64 = 0) -> Bool {
    held.values.contains { $0.contains { $0.key == TaskKey(RunID(run), TaskIndex(task)) } }
  }

  // MARK: Looking

  func state(_ task: Int32, run: Int64 = 0) -> TaskState {
    scheduler.taskState(TaskKey(RunID(run), TaskIndex(task)))!
  }

  func state(ofRun run: Int64 = 0) -> RunState { runStates[RunID(run)]!.last! }

  private mutating func hear() {
    let effects = scheduler.takeEffects()
    kept.keep(effects, &scheduler)
    for effect in effects {
      switch effect {
      case .attemptInserted(let record), .attemptUpdated(let record): records[record.fence] = record
      case .attemptDeleted(let key, let number):
        for record in records.values
        where record.key == key && record.number == number && record.state == .dispatched {
          records[record.fence] = nil
        }
      case .historyChanged(let key, let history): histories[key] = .some(history)
      case .agentChanged, .partsDropped: break
      case .runStateChanged(let run, let state): runStates[run, default: []].append(state)
      case .start(let agent, _, let key, let number, let fence):
        if !held[agent, default: []].contains(where: { $0.fence == fence }) {
          held[agent, default: []].append(Held(key: key, number: number, fence: fence))
        }
      case .revoke(let agent, let session, let fence):
        guard let i = held[agent]?.firstIndex(where: { $0.fence == fence }), !held[agent]![i].isRunning else {
          continue
        }
        held[agent]!.remove(at: i)
        pending.append(.attemptRevoked(agent, session, fence))
      case .kill(let agent, let session, let fence, _):
        killed.append(fence)
        guard let i = held[agent]?.firstIndex(where: { $0.fence == fence }) else { continue }
        if held[agent]![i].isRunning {
          held[agent]![i].isKilled = true
        } else {
          held[agent]!.remove(at: i)
          pending.append(.attemptRevoked(agent, session, fence))
        }
      case .acknowledgeEnd(_, _, let fence): acknowledged.append(fence)
      case .welcome(let agent, let session): sessions[agent] = session
      case .refuse(_, _, let words): refusals.append(words)
      case .closeSession(let session, _):
        for (agent, known) in sessions where known == session { sessions[agent] = nil }
      case .answer(let id, let refusal): answers[id] = .some(refusal)
      case .expand(let key, _, let fence): expansions.append((key, fence))
      }
    }
    while !pending.isEmpty { say(pending.removeFirst()) }
  }

  private var pending: [Event] = []
}

extension Family {
  static func of(
    _ count: Int32 = 1, cores: Int64 = 1, memoryMB: Int64 = 10, retries: Int32 = 0, interval: Int32 = 0,
    generator: Bool = false, maxLost: Int32? = nil, lease: TaskLease = .standard
  ) -> Family {
    Family(
      count: count, isExpanded: count > 1, isGenerator: generator, maxRetries: retries,
      retryIntervalSeconds: interval, maxLost: maxLost, lease: lease,
      needs: ResourceVector(milliCores: cores * 1000, memoryMB: memoryMB))
  }
}

extension Edge {
  static func from(
    _ parent: Int32, _ parentOrdinal: Int32? = nil, to child: Int32, _ childOrdinal: Int32? = nil
  ) -> Edge {
    Edge(
      parent: Endpoint(family: FamilyIndex(parent), ordinal: parentOrdinal),
      child: Endpoint(family: FamilyIndex(child), ordinal: childOrdinal))
  }
}
