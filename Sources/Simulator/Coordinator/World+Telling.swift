import Protocol
import Scheduling

// What follows a commit: the Scheduler's effects are told, in the Engine's order.
extension World {
  /// May end in a crash, where one is to come in the middle of it.
  mutating func perform() {
    var told = 0
    if !coordinator.batch.isPlain {
      var effects: [Effect] = []
      swap(&effects, &coordinator.batch.effects)
      for i in effects.indices where isTold(effects[i]) {
        if isToCrash(after: &told) { return crashCoordinatorAtPoint() }
        tell(effects.take(at: i, leaving: .agentChanged(AgentID(0))))
      }
      swap(&effects, &coordinator.batch.effects)
      gatherAcknowledgements()
    }
    for i in coordinator.batch.heartbeats.indices {
      let (c, number) = coordinator.batch.heartbeats[i]
      if !network.connections[c].isKnownToEngine { continue }
      gather(c, .heartbeatAcknowledged(number))
      coordinator.batch.touch(c)
    }
    for i in coordinator.batch.touched.indices {
      let c = coordinator.batch.touched[i]
      if !network.connections[c].isKnownToEngine { continue }
      if isToCrash(after: &told) { return crashCoordinatorAtPoint() }
      flushSession(c)
    }
    for i in coordinator.batch.closings.indices { close(coordinator.batch.closings[i]) }
    for i in coordinator.batch.submissions.indices {
      if isToCrash(after: &told) { return crashCoordinatorAtPoint() }
      answer(coordinator.batch.submissions[i], isRefused: false)
    }
    // Whatever of it was to be in the middle is at its end.
    if told > 0, case .telling? = coordinator.crashPoint { return crashCoordinatorAtPoint() }
    _ = coordinator.scheduler.evictFinalRuns()
  }

  private mutating func gatherAcknowledgements() {
    for (c, fences) in coordinator.batch.acknowledgements where network.connections[c].isKnownToEngine {
      gather(c, .endsAcknowledged(fences))
      coordinator.batch.touch(c)
    }
  }

  @inline(__always)
  private func isToCrash(after told: inout Int) -> Bool {
    told += 1
    if case .telling(let count)? = coordinator.crashPoint { return told > count }
    return false
  }

  /// A deliberate bug: what must wait for the commit does not.
  mutating func tellTooEarly() {
    let isAnswered = planted(.answerBeforeCommit)
    guard planted(.ackBeforeCommit) || planted(.dispatchBeforeCommit) || isAnswered else { return }
    for effect in coordinator.batch.effects {
      switch effect {
      case .acknowledgeEnd where planted(.ackBeforeCommit), .start where planted(.dispatchBeforeCommit),
        .answer where isAnswered:
        tell(effect)
      default: break
      }
    }
    gatherAcknowledgements()
    coordinator.batch.acknowledgements.empty()
    for i in coordinator.batch.touched.indices {
      let c = coordinator.batch.touched[i]
      if network.connections[c].isKnownToEngine { flushSession(c) }
    }
    if isAnswered {
      for i in coordinator.batch.submissions.indices {
        answer(coordinator.batch.submissions[i], isRefused: false)
      }
    }
  }

  @inline(__always)
  private func isTold(_ effect: Effect) -> Bool {
    switch effect {
    case .attemptInserted, .attemptUpdated, .attemptDeleted, .historyChanged, .runStateChanged,
      .agentChanged, .partsDropped:
      false
    case .start, .revoke, .kill, .acknowledgeEnd, .welcome, .refuse, .closeSession, .answer, .expand: true
    }
  }

  private mutating func say(_ session: SessionID, _ message: ToAgent) {
    let c = Int(session.value)
    guard network.connections[c].isKnownToEngine else { return }
    coordinator.batch.touch(c)
    gather(c, message)
  }

  private mutating func tell(_ effect: Effect) {
    switch effect {
    case .attemptInserted, .attemptUpdated, .attemptDeleted, .historyChanged, .runStateChanged,
      .agentChanged, .partsDropped:
      break
    case .start(_, let session, let key, let number, let fence):
      say(
        session,
        .start(
          ToAgent.Start(
            fence: fence, run: key.run, task: Names.task(key.task.value), number: number, job: job(of: key))))
    case .revoke(_, let session, let fence): say(session, .revoke(fence))
    case .kill(_, let session, let fence, let reason):
      say(session, .kill(fence, graceSeconds: nil, reason: reason))
    case .acknowledgeEnd(_, let session, let fence): acknowledge(fence, to: Int(session.value))
    case .welcome(_, let session):
      say(
        session,
        .welcome(
          ToAgent.Welcome(
            version: 1, epoch: Epoch(coordinator.state.epoch),
            heartbeatMilliseconds: tempo.heartbeat.nanoseconds / 1_000_000,
            leaseMilliseconds: tempo.settings.lease.nanoseconds / 1_000_000)))
    case .refuse(let session, let code, let words):
      let c = Int(session.value)
      network.connections[c].isKnownToEngine = false
      network.connections[c].session = .refused
      gather(c, .refused(code: code, message: words, retryable: true))
      flushSession(c)
    case .closeSession(let session, _):
      network.connections[Int(session.value)].gathered.empty()
      coordinator.batch.closings.append(Int(session.value))
    case .answer(let id, let refusal): answer(Int(id.value), isRefused: refusal != nil)
    case .expand(let key, let number, let fence):
      ask(
        CoordinatorHost.Question(
          key: key, number: number, fence: fence, parts: coordinator.parts[Int(key.run.value)].parts.count))
    }
  }

  private mutating func close(_ c: Int) {
    if !network.connections[c].isKnownToEngine { return }
    network.connections[c].isKnownToEngine = false
    if network.connections[c].isOpenAtCoordinator {
      closeAtCoordinator(c)
      sessionClosed(c)
    }
  }

  private mutating func acknowledge(_ fence: Fence, to c: Int) {
    if let at = coordinator.batch.acknowledgements.firstIndex(where: { $0.connection == c }) {
      coordinator.batch.acknowledgements[at].fences.append(fence)
    } else {
      coordinator.batch.acknowledgements.append((c, [fence]))
    }
  }

  @inline(__always)
  private func job(of key: TaskKey) -> Job {
    let run = Int(key.run.value)
    let part = coordinator.parts[run].part(ofTask: key.task.value)
    let (name, needs) = coordinator.parts[run].parts[part].describe(key.task.value)
    var random = SeededRandom(seed, name)
    return Names.job(needs: needs, &random)
  }
}
