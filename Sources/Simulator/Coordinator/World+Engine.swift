import Protocol
import Scheduling

// The Engine's turns: take all inputs, let the Scheduler handle them, commit, and only then tell.
extension World {
  /// Between commits while work waits at agents.
  private static let pace = Period.milliseconds(8)
  /// So much later than wanted it wakes only where the process did not run.
  private static let stillLimit = Period.seconds(1)

  mutating func post(_ input: CoordinatorHost.Input) {
    coordinator.inbox.append(input)
    if coordinator.phase == .idle { engineTurn() }
  }

  /// `isDue`: also where nothing has come in.
  mutating func engineTurn(isDue: Bool = false) {
    var isDue = isDue
    while coordinator.phase == .idle, coordinator.acts(at: now), isDue || !coordinator.inbox.isEmpty {
      isDue = false
      handleBatch()
      if gatherWrites() {
        coordinator.phase = .committing
        tellTooEarly()
        if coordinator.crashPoint == .beforeCommit { return crashCoordinatorAtPoint() }
        let time = tempo.commit(&coordinator.random, isSlow: now < coordinator.isSlowUntil)
        agenda.enter(.committed, 0, at: now + time, generation: coordinator.lifeNumber)
        return
      }
      if !coordinator.batch.isPlain { oracle.committed(&coordinator, &people) }
      if !finishTurn() { return }
      isDue = coordinator.life == .stopping
    }
    if coordinator.phase == .idle { setEngineDue() }
  }

  /// The batch is on the disk.
  mutating func committed() {
    if case .inCommit(let isKept)? = coordinator.crashPoint {
      if isKept {
        if planted(.partialBatch) { coordinator.batch.loseHalf() }
        writeBatch()
        coordinator.phase = .telling
      }
      return crashCoordinatorAtPoint()
    }
    writeBatch()
    coordinator.lastCommit = coordinator.clock.boot(now)
    if finishTurn() { engineTurn(isDue: coordinator.life == .stopping) }
  }

  /// Tells, and rests; false: the next turn is not to begin now.
  private mutating func finishTurn() -> Bool {
    let life = coordinator.lifeNumber
    coordinator.phase = .telling
    perform()
    if coordinator.lifeNumber != life { return false }
    coordinator.phase = .idle
    if coordinator.life == .stopping && coordinator.wasInboxEmpty {
      coordinatorExits()
      return false
    }
    if coordinator.scheduler.waitingCount > 0 {
      let left = Self.pace.nanoseconds - (coordinator.clock.boot(now) - coordinator.lastCommit).nanoseconds
      if left > 0 {
        coordinator.phase = .resting
        agenda.enter(.engineRested, 0, at: now + left, generation: coordinator.lifeNumber)
        return false
      }
    }
    return true
  }

  mutating func engineRested() {
    coordinator.phase = .idle
    engineTurn(isDue: coordinator.life == .stopping)
  }

  /// What is on the agenda may be early, never late.
  private mutating func setEngineDue() {
    guard let due = coordinator.scheduler.nextDeadline else { return }
    let time = max(now, coordinator.clock.time(of: due))
    if time >= coordinator.dueAt { return }
    coordinator.dueAt = time
    agenda.enter(.engineDue, 0, at: time, generation: coordinator.lifeNumber)
  }

  mutating func engineDue() -> Bool {
    guard coordinator.dueAt == now else { return false }
    coordinator.dueAt = .max
    guard coordinator.phase == .idle, let due = coordinator.scheduler.nextDeadline else { return false }
    if due > coordinator.clock.boot(now) {
      setEngineDue()
      return false
    }
    engineTurn(isDue: true)
    return true
  }

  // MARK: Handling

  private mutating func handleBatch() {
    let time = coordinator.clock.boot(now)
    coordinator.lastWall = max(coordinator.lastWall, coordinator.clock.wall(now))
    coordinator.batch.begin(at: coordinator.lastWall, number: coordinator.batch.number + 1)
    coordinator.batch.handled = time
    var said: [ToCoordinator] = []
    swap(&said, &coordinator.said)
    coordinator.wasInboxEmpty = coordinator.inbox.isEmpty
    // What agents said meanwhile is still in their sockets.
    if let deadline = coordinator.scheduler.nextDeadline, time > deadline + Self.stillLimit {
      coordinator.forgiveSilence(at: time)
      coordinator.scheduler.handle(.stoodStill, at: time)
    }
    for i in coordinator.inbox.indices { take(coordinator.inbox[i], said, at: time) }
    if let deadline = coordinator.scheduler.nextDeadline, deadline <= time {
      coordinator.scheduler.handle(.clockTicked, at: time)
    }
    if let deadline = coordinator.scheduler.nextDeadline, deadline <= time {
      oracle.violate("the Scheduler wants to be woken at a time that is over: its driver never rests")
    }
    collect()
    coordinator.inbox.empty()
    said.empty()
    swap(&said, &coordinator.said)
  }

  /// The effects so far join the batch.
  private mutating func collect() {
    if coordinator.batch.effects.isEmpty {
      coordinator.scheduler.takeEffects(into: &coordinator.batch.effects)
    } else {
      coordinator.scheduler.takeEffects(into: &coordinator.effects)
      coordinator.batch.effects.append(contentsOf: coordinator.effects)
    }
    if !coordinator.batch.effects.isEmpty { coordinator.batch.isPlain = false }
  }

  /// What follows belongs to `mark`.
  mutating func mark(_ mark: Batch.Mark) {
    collect()
    coordinator.batch.mark(mark)
  }

  private mutating func take(_ input: CoordinatorHost.Input, _ said: [ToCoordinator], at time: Instant) {
    switch input {
    case .submit(let request): takeSubmission(request, at: time)
    case .command(let request): takeCommand(request, at: time)
    case .arrived(let c): arrived(c, at: time)
    case .said(let c, let messages): heard(c, said[messages], at: time)
    case .closed(let c):
      guard network.connections[c].isKnownToEngine else { return }
      network.connections[c].isKnownToEngine = false
      guard let agent = currentAgent(c) else { return }
      coordinator.scheduler.handle(.agentDisconnected(agent, session(c)), at: time)
    case .expanded(let question): takeExpansion(coordinator.questions[question], at: time)
    }
  }

  @inline(__always)
  func session(_ c: Int) -> SessionID { SessionID(Int64(c)) }

  @inline(__always)
  private func currentAgent(_ c: Int) -> AgentID? {
    let agent = network.connections[c].agentID
    return coordinator.scheduler.isCurrent(agent, session(c)) ? agent : nil
  }

  private mutating func arrived(_ c: Int, at time: Instant) {
    network.connections[c].isKnownToEngine = true
    coordinator.scheduler.handle(.agentArrived(network.connections[c].arrival), at: time)
    let agent = coordinator.scheduler.agentID(named: network.connections[c].arrival.name)!
    network.connections[c].agentID = agent
    coordinator.hear(agent, at: time)
  }

  private mutating func heard(_ c: Int, _ messages: ArraySlice<ToCoordinator>, at time: Instant) {
    guard network.connections[c].isKnownToEngine, let agent = currentAgent(c) else { return }
    let session = session(c)
    coordinator.hear(agent, at: time)
    coordinator.scheduler.handle(.agentHeard(agent, session), at: time)
    for message in messages {
      switch message {
      case .attempts(let held, let isLast):
        coordinator.scheduler.handle(.agentListed(agent, session, held, isLast: isLast), at: time)
      case .started(let fence, let wall):
        coordinator.scheduler.handle(.attemptStarted(agent, session, fence, at: wall), at: time)
      case .ended(let fence, let result):
        coordinator.scheduler.handle(.attemptEnded(agent, session, fence, result), at: time)
      case .revoked(let fence): coordinator.scheduler.handle(.attemptRevoked(agent, session, fence), at: time)
      case .handedBack(let fence, let result):
        coordinator.scheduler.handle(.attemptHandedBack(agent, session, fence, result), at: time)
      case .heartbeat(let number):
        coordinator.scheduler.handle(.agentHeartbeat(agent, session), at: time)
        coordinator.batch.heartbeats.append((c, number))
      case .unfit(let reason):
        coordinator.scheduler.handle(.agentUnfit(agent, session, reason: reason), at: time)
      case .goodbye(let reason):
        coordinator.scheduler.handle(.agentLeft(agent, session, reason: reason), at: time)
      case .hello, .output: preconditionFailure("\(message) has no place here")
      }
    }
  }

  // MARK: Writing

  /// Gathers what the commit is to hold; false: nothing.
  private mutating func gatherWrites() -> Bool {
    var hasRows = false
    for effect in coordinator.batch.effects {
      switch effect {
      case .attemptInserted, .attemptUpdated, .attemptDeleted, .historyChanged, .runStateChanged,
        .agentChanged:
        hasRows = true
      case .partsDropped(let run, let generator):
        hasRows = true
        for part in coordinator.parts[Int(run.value)].drop(madeBy: generator) {
          coordinator.batch.dropped.append((run, part))
        }
      case .start, .revoke, .kill, .acknowledgeEnd, .welcome, .refuse, .closeSession, .answer, .expand: break
      }
    }
    coordinator.drainDirtyRuns()
    return hasRows || !coordinator.batch.dirty.isEmpty
  }

  /// In the order of `CommitWriter`.
  mutating func writeBatch() {
    for (_, mark) in coordinator.batch.marks {
      if case .submitted(let run) = mark {
        coordinator.state.addRun(run, coordinator.parts[Int(run.value)].parts[0])
      }
    }
    for (_, mark) in coordinator.batch.marks {
      if case .joined(let run, let part, let moved) = mark {
        var added = coordinator.parts[Int(run.value)].parts[part]
        added.isDropped = false
        coordinator.state.addPart(run, added, moved: moved)
      }
    }
    for i in coordinator.batch.dropped.indices {
      coordinator.state.dropPart(coordinator.batch.dropped[i].run, coordinator.batch.dropped[i].part)
    }
    for i in coordinator.batch.dirty.indices {
      coordinator.state.put(coordinator.batch.dirty[i], of: coordinator.batch)
    }
    for effect in coordinator.batch.effects {
      switch effect {
      case .attemptInserted(let record): coordinator.state.insert(record)
      case .attemptUpdated(let record): coordinator.state.update(record)
      case .attemptDeleted(let key, let number): coordinator.state.delete(key, number)
      case .historyChanged(let key, let history): coordinator.state.put(key, history)
      case .agentChanged(let id):
        let agent = coordinator.scheduler.agents[Int(id.value)]
        coordinator.state.put(
          id,
          RestoredAgent(
            name: agent.name, incarnation: agent.incarnation, capacity: agent.capacity, state: agent.state))
      default: break
      }
    }
    if let fault = coordinator.state.fault { oracle.violate(fault) }
    oracle.committed(&coordinator, &people)
    recheck()
  }
}
