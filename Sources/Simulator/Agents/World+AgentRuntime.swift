import Protocol
import Scheduling

// What `AgentRuntime` does around the tracker, in the same order: handle what is ready; write the spool; send what
// was gathered.
extension World {
  private static let silence = Period.milliseconds(2)

  mutating func received(_ a: Int, _ message: ToAgent) {
    if case .outputAcknowledged(let fence, _, let offset) = message {
      if let at = agents[a].output(fence) { agents[a].outputs[at].acknowledge(offset) }
      return
    }
    if case .endsAcknowledged(let fences) = message {
      for fence in fences { oracle.heardAcknowledgement(fence) }
    }
    tell(a, .received(message))
  }

  /// Events that effects bring about wait until those effects are all carried out.
  mutating func tell(_ a: Int, _ event: AttemptEvent) {
    agents[a].events.append(event)
    if agents[a].isHandling { return }
    agents[a].isHandling = true
    let life = agents[a].lifeNumber
    var next = 0
    var effects = attemptEffects
    attemptEffects = []
    while next < agents[a].events.count {
      signalCause = SignalCause(agents[a].events[next])
      agents[a].tracker.handle(
        agents[a].events[next], at: agents[a].clock.boot(now), into: &effects)
      next += 1
      for effect in effects {
        carryOut(a, effect)
        // It crashed in the middle.
        if agents[a].lifeNumber != life { break }
      }
      effects.removeAll(keepingCapacity: true)
      if agents[a].lifeNumber != life { break }
    }
    attemptEffects = effects
    if agents[a].lifeNumber != life { return }
    agents[a].events.removeAll(keepingCapacity: true)
    agents[a].isHandling = false
  }

  private mutating func carryOut(_ a: Int, _ effect: AttemptEffect) {
    switch effect {
    case .record(let record): agents[a].spool.append(record)
    case .spawn(let start): spawn(a, start)
    case .signal(let fence, let signal): self.signal(a, fence, signal)
    case .send(let message): agents[a].control.append(message)
    case .list(let held): list(a, held)
    case .announce(let fence, let message):
      if !sendLater(a, message, of: fence) { agents[a].control.append(message) }
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
    if agents[a].crashPoint == .beforeSpool { return crashAtPoint(a) }
    agents[a].spool.flush()
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

  // MARK: The turn's end

  mutating func endOfTurn(_ a: Int) {
    let life = agents[a].lifeNumber
    if let due = agents[a].tracker.nextDeadline, due <= agents[a].clock.boot(now) {
      reap(a)
      if agents[a].lifeNumber != life { return }
      tell(a, .timer)
      if agents[a].lifeNumber != life { return }
      if let due = agents[a].tracker.nextDeadline, due <= agents[a].clock.boot(now) {
        oracle.violate("\(agents[a].name) wants to be woken at a time that is over: it never rests")
      }
    }
    if agents[a].link == .welcome { pump(a) }
    agents[a].spool.flush()
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
    flush(a)
  }

  /// What is on the agenda may be early, never late.
  private mutating func setTimer(_ a: Int) {
    guard let due = agents[a].tracker.nextDeadline else { return }
    let time = agents[a].clock.time(of: due)
    if time >= agents[a].timerAt { return }
    agents[a].timerAt = time
    agenda.enter(.agentTimer, a, at: time, generation: agents[a].lifeNumber)
  }

  mutating func agentTimer(_ a: Int) -> Bool {
    guard agents[a].timerAt == now else { return false }
    agents[a].timerAt = .max
    guard let due = agents[a].tracker.nextDeadline else { return false }
    if due > agents[a].clock.boot(now) {
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

  init(_ event: AttemptEvent) {
    switch event {
    case .received: self = .asked
    case .timer: self = .lateness
    case .shutdown: self = .shutdown
    default: self = .none
    }
  }
}
