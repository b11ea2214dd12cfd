import Protocol
import Scheduling

// What `AgentRuntime` does around the tracker, in the same order: handle what is ready; write the spool; send what
// was gathered.
extension World {
  private static let silence = Period.milliseconds(8)

  mutating func received(_ a: Int, _ message: consuming ToAgent) {
    if case .outputAcknowledged(let fence, _, let offset) = message {
      if let at = agents[a].output(fence) { agents[a].outputs[at].acknowledge(offset) }
      return
    }
    if case .endsAcknowledged(let fences) = message {
      for fence in fences { oracle.heardAcknowledgement(fence) }
    }
    tell(a, .received(consume message))
  }

  /// Events that effects bring about wait until those effects are all carried out.
  mutating func tell(_ a: Int, _ event: consuming AttemptEvent) {
    if agents[a].isHandling { return agents[a].events.append(event) }
    agents[a].isHandling = true
    let life = agents[a].lifeNumber
    var effects: [AttemptEffect] = []
    swap(&effects, &attemptEffects)
    handle(a, consume event, &effects)
    var next = 0
    while agents[a].lifeNumber == life, next < agents[a].events.count {
      handle(a, agents[a].events[next], &effects)
      next += 1
    }
    swap(&effects, &attemptEffects)
    if agents[a].lifeNumber != life { return }
    agents[a].events.empty()
    agents[a].isHandling = false
  }

  private mutating func handle(_ a: Int, _ event: consuming AttemptEvent, _ effects: inout [AttemptEffect]) {
    signalCause = SignalCause(event)
    agents[a].tracker.handle(consume event, at: agents[a].clock.lease(now), into: &effects)
    let life = agents[a].lifeNumber
    for i in effects.indices {
      carryOut(a, effects.take(at: i, leaving: .leave))
      // It crashed in the middle.
      if agents[a].lifeNumber != life { break }
    }
    effects.empty()
  }

  private mutating func carryOut(_ a: Int, _ effect: consuming AttemptEffect) {
    switch consume effect {
    case .record(let record): agents[a].spool.append(record)
    case .spawn(let start): spawn(a, start)
    case .signal(let fence, let signal): self.signal(a, fence, signal)
    case .send(let message): agents[a].control.append(message)
    case .list(let held): list(a, held)
    case .announce(let fence, let message):
      if planted(.endBeforeOutput) || !sendLater(a, message, of: fence) { agents[a].control.append(message) }
    case .forgetOutput(let fence):
      if let at = agents[a].output(fence) { agents[a].outputs.remove(at: at) }
    case .reconnect: agents[a].wantsReconnect = true
    case .leave:
      agents[a].isLeaving = true
      agenda.enter(
        .farewellDue, a, at: now + 10 * TrueTime.second, generation: agents[a].lifeNumber)
    }
  }

  private mutating func spawn(_ a: Int, _ start: ToAgent.Start) {
    oracle.willStart(oracle.index(of: start.fence), on: a)
    if agents[a].isUnfit {
      oracle.violate("\(agents[a].name) begins attempt \(start.fence), and takes no new work")
    }
    if agents[a].crashPoint == .beforeSpool { return crashAtPoint(a) }
    agents[a].spool.flushStarts()
    if agents[a].crashPoint == .beforeFork { return crashAtPoint(a) }
    agents[a].events.append(fork(a, start))
    if agents[a].crashPoint == .afterFork { return crashAtPoint(a) }
  }

  /// The list; what still has output to send ends once it is sent.
  private mutating func list(_ a: Int, _ held: [ToCoordinator.Held]) {
    var shown: [ToCoordinator.Held] = []
    for item in held {
      if case .ended(let result) = item.phase, let at = agents[a].output(item.fence),
        !agents[a].outputs[at].isDelivered, sendLater(a, .ended(item.fence, result), of: item.fence)
      {
        shown.append(.init(fence: item.fence, phase: .ending(result)))
      } else {
        shown.append(item)
      }
      // In pieces, as long lists are.
      if shown.count == Self.heldPerMessage {
        agents[a].control.append(.attempts(shown, isLast: false))
        shown.removeAll()
      }
    }
    agents[a].control.append(.attempts(shown, isLast: true))
  }

  /// Small, so that lists come in pieces.
  private static let heldPerMessage = 2

  private mutating func sendLater(_ a: Int, _ end: ToCoordinator, of fence: Fence) -> Bool {
    guard let at = agents[a].output(fence), !agents[a].outputs[at].isAcknowledged else { return false }
    agents[a].outputs[at].waitingEnd = end
    return true
  }

  private mutating func flushSpool(_ a: Int) {
    agents[a].spool.flush { oracle.spooled($0) }
  }

  // MARK: The turn's end

  mutating func endOfTurn(_ a: Int) {
    let life = agents[a].lifeNumber
    if let due = agents[a].tracker.nextDeadline, due <= agents[a].clock.lease(now) {
      reap(a)
      if agents[a].lifeNumber != life { return }
      tell(a, .timer)
      if agents[a].lifeNumber != life { return }
      if let due = agents[a].tracker.nextDeadline, due <= agents[a].clock.lease(now) {
        oracle.violate("\(agents[a].name) wants to be woken at a time that is over: it never rests")
      }
    }
    if agents[a].link == .welcome, !agents[a].outputs.isEmpty { pump(a) }
    if agents[a].spool.hasPending { flushSpool(a) }
    if agents[a].crashPoint == .beforeSpeaking { return crashAtPoint(a) }
    speak(a)
    if agents[a].isLeaving { sayGoodbye(a, isLate: false) }
    if agents[a].lifeNumber != life { return }
    if agents[a].wantsReconnect {
      agents[a].wantsReconnect = false
      if agents[a].link == .welcome || agents[a].link == .greeting {
        closeAtAgent(a)
        linkClosed(a)
        return endOfTurn(a)
      }
    }
    setTimer(a)
    if let period = agents[a].freezePoint, agents[a].tracker.waitingCount > 0 {
      agents[a].freezePoint = nil
      freezeAgent(a, period: period)
    }
  }

  private mutating func speak(_ a: Int) {
    if agents[a].tracker.waitingCount > 0, !agents[a].isLeaving {
      let due = agents[a].lastWords + Self.silence
      if agents[a].clock.boot(now) < due {
        if agents[a].hasWordsDue { return }
        agents[a].hasWordsDue = true
        agenda.enter(
          .agentSpeaks, a, at: agents[a].clock.time(of: due), generation: agents[a].lifeNumber)
        return
      }
    }
    agents[a].lastWords = agents[a].clock.boot(now)
    if !agents[a].control.isEmpty || !agents[a].logs.isEmpty { flush(a) }
  }

  /// What is on the agenda may be early, never late.
  private mutating func setTimer(_ a: Int) {
    // As it was when the timer was set: nothing is to be worked out.
    if agents[a].tracker.nextDeadline == agents[a].timerDue, agents[a].timerAt < .max { return }
    guard let due = agents[a].tracker.nextDeadline else { return }
    agents[a].timerDue = due
    let time = agents[a].clock.time(ofLease: due, now: now)
    if time >= agents[a].timerAt { return }
    agents[a].timerAt = time
    agenda.enter(.agentTimer, a, at: time, generation: agents[a].lifeNumber)
  }

  mutating func agentTimer(_ a: Int) -> Bool {
    guard agents[a].timerAt == now else { return false }
    agents[a].timerAt = .max
    guard let due = agents[a].tracker.nextDeadline else { return false }
    if due > agents[a].clock.lease(now) {
      setTimer(a)
      return false
    }
    endOfTurn(a)
    return true
  }

  // MARK: Output

  /// Gives the link what may go out: a chunk an attempt and round, until windows are full.
  private mutating func pump(_ a: Int) {
    var goesOn = true
    while goesOn {
      goesOn = false
      for at in agents[a].outputs.indices {
        let window = KeptOutput.window - (agents[a].outputs[at].sent - agents[a].outputs[at].acknowledged)
        let count = min(KeptOutput.chunk, window, agents[a].outputs[at].total - agents[a].outputs[at].sent)
        if count > 0 {
          let output = agents[a].outputs[at]
          agents[a].logs.append(
            .output(output.fence, .stdout, offset: output.sent, Names.bytes(Int(count))))
          agents[a].outputs[at].sent += count
          goesOn = true
        }
        if agents[a].outputs[at].isDelivered, let end = agents[a].outputs[at].waitingEnd {
          agents[a].outputs[at].waitingEnd = nil
          agents[a].logs.append(end)
        }
      }
    }
  }
}

/// Why an agent ends what runs, as far as the event tells that made it.
enum SignalCause {
  case none, asked, lateness, shutdown

  init(_ event: borrowing AttemptEvent) {
    switch event {
    case .received: self = .asked
    case .timer: self = .lateness
    case .shutdown: self = .shutdown
    default: self = .none
    }
  }
}
