import Protocol
import Scheduling

// What follows a commit: the Scheduler's effects are told, in the Engine's order.
extension World {
  /// May end in a crash, where one is to come in the middle of it.
  mutating func perform() {
    var told = 0
    var effects: [Effect] = []
    swap(&effects, &coordinator.batch.effects)
    for effect in effects {
      guard isTold(effect) else { continue }
      if isToCrash(after: &told) { return crashCoordinatorAtPoint() }
      tell(effect)
    }
    swap(&effects, &coordinator.batch.effects)
    for (c, fences) in coordinator.batch.acknowledgements where network.connections[c].isKnownToEngine {
      gather(c, .endsAcknowledged(fences))
      coordinator.batch.touch(c)
    }
    for (c, number) in coordinator.batch.heartbeats where network.connections[c].isKnownToEngine {
      gather(c, .heartbeatAcknowledged(number))
      coordinator.batch.touch(c)
    }
    for c in coordinator.batch.touched where network.connections[c].isKnownToEngine {
      if isToCrash(after: &told) { return crashCoordinatorAtPoint() }
      flushSession(c)
    }
    for request in coordinator.batch.submissions {
      if isToCrash(after: &told) { return crashCoordinatorAtPoint() }
      answer(request, isRefused: false)
    }
    // Whatever of it was to be in the middle is at its end.
    if told > 0, case .telling? = coordinator.crashPoint { return crashCoordinatorAtPoint() }
    _ = coordinator.scheduler.evictFinalRuns()
  }

  private func isToCrash(after told: inout Int) -> Bool {
    told += 1
    if case .telling(let count)? = coordinator.crashPoint { return told > count }
    return false
  }

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
      let c = Int(session.value)
      if !network.connections[c].isKnownToEngine { return }
      network.connections[c].isKnownToEngine = false
      if network.connections[c].isOpenAtCoordinator {
        closeAtCoordinator(c)
        sessionClosed(c)
      }
    case .answer(let id, let refusal): answer(Int(id.value), isRefused: refusal != nil)
    case .expand(let key, let number, let fence):
      ask(
        CoordinatorHost.Question(
          key: key, number: number, fence: fence, parts: coordinator.parts[Int(key.run.value)].parts.count))
    }
  }

  private mutating func acknowledge(_ fence: Fence, to c: Int) {
    if let at = coordinator.batch.acknowledgements.firstIndex(where: { $0.connection == c }) {
      coordinator.batch.acknowledgements[at].fences.append(fence)
    } else {
      coordinator.batch.acknowledgements.append((c, [fence]))
    }
  }

  private func job(of key: TaskKey) -> Job {
    let parts = coordinator.parts[Int(key.run.value)]
    let part = parts.parts[parts.part(ofTask: key.task.value)]
    let family = part.locate(key.task.value).family - part.firstFamily
    var random = SeededRandom(seed, part.nameOfTask(key.task.value))
    return Names.job(needs: part.graph.families[Int(family)].needs, &random)
  }
}
