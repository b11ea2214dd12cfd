import Protocol
import Scheduling

/// A Scheduler among agents and people who do anything at any time, with a store beside it that keeps what is
/// committed: so that it can crash at any event and come back from what was kept.
struct HistoryWorld {
  var random: SplitMix
  var scheduler: Scheduler
  var now = Instant(nanoseconds: 1)
  var epoch: Int64 = 1
  var kept = KeptState()
  var agents: [Agent] = []
  var trouble: [String] = []
  private var nextSession: Int64 = 0
  private var nextCommand: Int64 = 0
  private var lastFence: [TaskKey: Fence] = [:]
  private var questions: [(TaskKey, Fence)] = []
  /// Whose success each task took, since a person last had something run again.
  private var accepted: [TaskKey: Fence] = [:]
  var log: [String] = []

  struct Agent {
    var name: String
    var capacity: ResourceVector
    var start: Int64 = 1
    var id: AgentID?
    var session: SessionID?
    /// When the coordinator last heard it.
    var heard = Instant(nanoseconds: 1)
    var held: [Held] = []
  }

  struct Held {
    var key: TaskKey
    var fence: Fence
    var phase: ToCoordinator.Held.Phase
  }

  init(seed: UInt64) {
    random = SplitMix(state: seed)
    scheduler = Scheduler(epoch: Epoch(1))
    for i in 0..<random.below(3) + 1 {
      agents.append(
        Agent(
          name: "agent\(i)",
          capacity: ResourceVector(milliCores: Int64(random.below(3) + 1) * 1000, memoryMB: 100)))
    }
  }

  // MARK: Telling the Scheduler

  mutating func say(_ event: Event, _ words: String) {
    log.append(words)
    kept.keep(documentsOf: event, scheduler)
    scheduler.handle(event, at: now)
    settle()
  }

  /// What the Engine does after a batch: write, then tell.
  private mutating func settle() {
    let effects = scheduler.takeEffects()
    kept.keep(effects, &scheduler)
    for effect in effects { checkOutcome(effect) }
    for effect in effects { tell(effect) }
    _ = scheduler.evictFinalRuns()
    if let wrong = scheduler.brokenInvariant() { trouble.append(wrong) }
  }

  private mutating func checkOutcome(_ effect: Effect) {
    guard case .attemptUpdated(let record) = effect else { return }
    if record.state == .completed {
      let before = accepted.updateValue(record.fence, forKey: record.key) ?? record.fence
      if before != record.fence {
        trouble.append("\(record.key) took the success of \(before) and that of \(record.fence)")
      }
    } else if accepted[record.key] == record.fence {
      // What the generator printed did not hold.
      accepted[record.key] = nil
    }
  }

  private mutating func tell(_ effect: Effect) {
    switch effect {
    case .start(let id, let session, let key, _, let fence):
      guard let a = agents.firstIndex(where: { $0.id == id && $0.session == session }) else { return }
      checkDispatch(key, fence)
      if !agents[a].held.contains(where: { $0.fence == fence }) {
        agents[a].held.append(Held(key: key, fence: fence, phase: .waiting))
      }
    case .revoke(_, let session, let fence):
      guard let (a, i) = find(fence, session), case .waiting = agents[a].held[i].phase else { return }
      agents[a].held.remove(at: i)
      say(.attemptRevoked(agents[a].id!, session, fence), "revoked \(fence)")
    case .kill(_, let session, let fence, _):
      guard let (a, i) = find(fence, session) else { return }
      switch agents[a].held[i].phase {
      case .waiting:
        agents[a].held.remove(at: i)
        say(.attemptRevoked(agents[a].id!, session, fence), "revoked by kill \(fence)")
      case .running: end(a, i, rc: 143)
      case .ending, .ended: break
      }
    case .acknowledgeEnd(_, let session, let fence):
      guard let (a, i) = find(fence, session), case .ended = agents[a].held[i].phase else { return }
      agents[a].held.remove(at: i)
    case .expand(let key, _, let fence): questions.append((key, fence))
    case .closeSession(let session, _):
      if let a = agents.firstIndex(where: { $0.session == session }) { agents[a].session = nil }
    default: break
    }
  }

  private func find(_ fence: Fence, _ session: SessionID) -> (Int, Int)? {
    guard let a = agents.firstIndex(where: { $0.session == session }),
      let i = agents[a].held.firstIndex(where: { $0.fence == fence })
    else { return nil }
    return (a, i)
  }

  /// What must hold at a dispatch, by a model that knows nothing of counters.
  private mutating func checkDispatch(_ key: TaskKey, _ fence: Fence) {
    let run = kept.runs[key.run]!
    for parent in run.parents(of: key.task)
    where TaskByte(raw: run.bytes[Int(parent.value)]).state != .completed {
      if lastFence[key] != fence {
        trouble.append("\(key) was sent before its parent \(parent) was COMPLETED")
      }
    }
    if let last = lastFence[key], fence < last {
      trouble.append("\(key) was sent with the old fence \(fence)")
    }
    lastFence[key] = fence
    if run.isKillRequested || run.state.isFinal { trouble.append("\(key) was sent while its run is ending") }
    for agent in agents {
      for held in agent.held where held.key == key && held.fence != fence && agent.session != nil {
        if case .running = held.phase { trouble.append("\(key) runs twice") }
      }
    }
  }

  // MARK: What happens

  mutating func submit(_ id: RunID) {
    let graph = random.graph(families: random.below(4) + 1)
    say(.submitted(id, graph), "submit \(id): \(graph)")
  }

  mutating func command(_ command: RunCommand) {
    if !scheduler.knows(command.run), kept.runs[command.run] != nil {
      scheduler.load(kept.run(command.run), at: now)
    }
    accepted = accepted.filter { $0.key.run != command.run }
    nextCommand += 1
    say(.commanded(CommandID(nextCommand), command), "\(command)")
  }

  mutating func connect(_ a: Int) {
    nextSession += 1
    let session = SessionID(nextSession)
    agents[a].session = session
    agents[a].heard = now
    say(
      .agentArrived(
        AgentArrival(
          session: session, name: agents[a].name,
          incarnation: Incarnation(directoryID: agents[a].name, bootID: "b", startNumber: agents[a].start),
          capacity: agents[a].capacity)), "\(agents[a].name) connects")
    agents[a].id = scheduler.agent(named: agents[a].name)!.id
    let list = agents[a].held.map { ToCoordinator.Held(fence: $0.fence, phase: $0.phase) }
    say(.agentListed(agents[a].id!, session, list, isLast: true), "\(agents[a].name) lists \(list.count)")
  }

  mutating func disconnect(_ a: Int) {
    guard let session = agents[a].session else { return }
    agents[a].session = nil
    say(.agentDisconnected(agents[a].id!, session), "\(agents[a].name) disconnects")
  }

  /// Its process dies with all its tasks; the results it had are kept in its directory.
  mutating func restartAgent(_ a: Int) {
    disconnect(a)
    agents[a].start += 1
    agents[a].held.removeAll {
      if case .ended = $0.phase { return false }
      return true
    }
  }

  mutating func start(_ a: Int, _ i: Int) {
    guard case .waiting = agents[a].held[i].phase else { return }
    let time = WallTime(nanoseconds: now.nanoseconds)
    agents[a].held[i].phase = .running(since: time)
    guard let session = agents[a].session else { return }
    say(
      .attemptStarted(agents[a].id!, session, agents[a].held[i].fence, at: time),
      "started \(agents[a].held[i].fence)")
  }

  mutating func end(_ a: Int, _ i: Int, rc: Int32) {
    if case .ended = agents[a].held[i].phase { return }
    var start = WallTime(nanoseconds: now.nanoseconds)
    if case .running(let since) = agents[a].held[i].phase { start = since }
    let result = AttemptResult(rc: rc, start: start, stop: WallTime(nanoseconds: now.nanoseconds + 1_000_000))
    agents[a].held[i].phase = .ended(result)
    guard let session = agents[a].session else { return }
    let held = agents[a].held[i]
    say(
      .attemptEnded(agents[a].id!, session, held.fence, result),
      "ended \(held.key.task) \(held.fence) rc \(rc)")
  }

  mutating func answerGenerator() {
    guard !questions.isEmpty else { return }
    let (key, fence) = questions.removeFirst()
    guard scheduler.isExpanding(key, fence) else { return }
    if random.below(5) == 0 {
      return say(.generatorExpanded(key.run, key.task, fence, .refused("nonsense")), "generator refused")
    }
    let run = kept.runs[key.run]!
    let firstFamily = Int32(run.parts.reduce(0) { $0 + $1.graph.families.count })
    let firstTask = TaskIndex(run.parts.reduce(0) { $0 + $1.graph.taskCount })
    var graph = random.graph(families: random.below(3), firstFamily: firstFamily, depth: run.parts.count)
    for child in run.effectiveChildren(of: key.task) {
      for f in graph.families.indices {
        graph.edges.append(
          Edge(parent: Endpoint(family: FamilyIndex(firstFamily + Int32(f))), child: child))
      }
    }
    for f in graph.families.indices {
      graph.edges.append(
        Edge(parent: run.endpoint(key.task), child: Endpoint(family: FamilyIndex(firstFamily + Int32(f)))))
    }
    say(
      .generatorExpanded(
        key.run, key.task, fence,
        .added(firstFamily: FamilyIndex(firstFamily), firstTask: firstTask, graph, moved: [])),
      "generator answered")
  }

  mutating func pass(_ period: Period) {
    now = now + period
    for a in agents.indices {
      guard let session = agents[a].session else {
        obeyLease(a)
        continue
      }
      agents[a].heard = now
      say(.agentHeard(agents[a].id!, session), "heard")
    }
    say(.clockTicked, "time passes")
  }

  /// An agent that nobody answers starts nothing more after 80 % of its lease, and by 90 % nothing of it runs.
  private mutating func obeyLease(_ a: Int) {
    guard now >= agents[a].heard + SchedulerSettings().lease.percent(80) else { return }
    agents[a].held.removeAll {
      if case .waiting = $0.phase { true } else { false }
    }
    for i in agents[a].held.indices {
      guard case .running(let since) = agents[a].held[i].phase else { continue }
      agents[a].held[i].phase = .ended(
        AttemptResult(
          kind: .leaseExpired, rc: 143, start: since, stop: WallTime(nanoseconds: now.nanoseconds)))
    }
  }

  /// The coordinator dies and comes back from what was kept.
  mutating func crash() {
    log.append("crash")
    epoch += 1
    let live = scheduler
    scheduler = Scheduler(restoring: kept.state, epoch: Epoch(epoch), at: now)
    questions = []
    for a in agents.indices { agents[a].session = nil }
    if let found = live.difference(from: scheduler) { trouble.append("what came back differs: \(found)") }
    settle()
  }
}

extension KeptState.Run {
  func range(_ family: FamilyIndex) -> (first: Int32, count: Int32) {
    var f = Int(family.value)
    for part in parts {
      if f < part.graph.families.count {
        let before = part.graph.families[..<f].reduce(0) { $0 + $1.count }
        return (part.firstTask.value + before, part.graph.families[f].count)
      }
      f -= part.graph.families.count
    }
    preconditionFailure("\(family) is beyond the run's families")
  }

  func contains(_ endpoint: Endpoint, _ task: TaskIndex) -> Bool {
    let (first, count) = range(endpoint.family)
    if let ordinal = endpoint.ordinal { return task.value == first + ordinal }
    return task.value >= first && task.value < first + count
  }

  var liveEdges: [Edge] {
    var dropped: [Range<Int32>] = []
    for part in parts where part.isDropped {
      dropped.append(part.firstTask.value..<part.firstTask.value + Int32(part.graph.taskCount))
    }
    return parts.filter { !$0.isDropped }.flatMap(\.graph.edges).filter { edge in
      !dropped.contains {
        $0.contains(range(edge.parent.family).first) || $0.contains(range(edge.child.family).first)
      }
    }
  }

  func parents(of task: TaskIndex) -> [TaskIndex] {
    liveEdges.filter { contains($0.child, task) }.flatMap { edge -> [TaskIndex] in
      let (first, count) = range(edge.parent.family)
      if let ordinal = edge.parent.ordinal { return [TaskIndex(first + ordinal)] }
      return (first..<first + count).map { TaskIndex($0) }
    }
  }

  func effectiveChildren(of task: TaskIndex) -> [Endpoint] {
    var children: [Endpoint] = []
    for edge in liveEdges where contains(edge.parent, task) && !children.contains(edge.child) {
      children.append(edge.child)
    }
    return children
  }

  func endpoint(_ task: TaskIndex) -> Endpoint {
    var f: Int32 = 0
    for part in parts {
      var first = part.firstTask.value
      for family in part.graph.families {
        if task.value < first + family.count {
          return Endpoint(family: FamilyIndex(f), ordinal: family.count == 1 ? nil : task.value - first)
        }
        first += family.count
        f += 1
      }
    }
    preconditionFailure("\(task) is beyond the run")
  }
}
