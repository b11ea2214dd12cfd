import Protocol

// Silence: an agent that is not heard of for longer than its lease is LOST, and what it ran is run elsewhere. An
// attempt with a lease of its own outlives its agent's, or ends before it.
extension Scheduler {
  mutating func checkAgents(at now: Instant) {
    guard let due = agentDeadline, due <= now else { return }
    agentDeadline = nil
    for a in agents.indices {
      if agents[a].state != .lost {
        if now >= lossDeadline(a) {
          loseAgent(a, at: now)
        } else if now >= suspectDeadline(a), agents[a].state == .active {
          agents[a].state = .suspect
          effects.append(.agentChanged(agents[a].id))
        }
      }
      if agents[a].ownLeases > 0 { loseOwnLeases(of: a, at: now) }
      expectDeadline(of: a)
    }
  }

  /// As after a restart: nobody's lease ends before one full lease has passed from `now`.
  mutating func forgiveSilence(at now: Instant) {
    for a in agents.indices where agents[a].state != .lost || agents[a].ownLeases > 0 {
      agents[a].lastHeard = now
      if agents[a].state == .active {
        agents[a].state = .suspect
        effects.append(.agentChanged(agents[a].id))
      }
      expectDeadline(of: a)
    }
  }

  private mutating func loseAgent(_ a: Int, at now: Instant) {
    // A person's kill of what has no end of its lease waited for a word from the agent: none comes.
    for slot in heldInOrder(a) where attempts[slot].lease == .standard || isGivenUp(slot) {
      loseToSilence(slot, at: now)
    }
    if let session = agents[a].session {
      effects.append(.closeSession(session, reason: "silent past its lease"))
    }
    giveUp(a)
  }

  private mutating func loseOwnLeases(of a: Int, at now: Instant) {
    for slot in heldInOrder(a) {
      if let due = ownDeadline(slot), due <= now { loseToSilence(slot, at: now) }
    }
  }

  private mutating func loseToSilence(_ slot: Int32, at now: Instant) {
    let agent = agents[Int(attempts[slot].agent.value)]
    let silence = (now - agent.lastHeard).nanoseconds / 1_000_000_000
    let whose = attempts[slot].lease == .standard ? "its" : "the task's"
    lose(
      slot, words: "lost: no word from agent \(agent.name) for \(silence) s, \(whose) lease is over",
      planted(.silenceCountsAsDeath) ? .processDied : .silence)
  }

  private func isGivenUp(_ slot: Int32) -> Bool {
    attempts[slot].lease == .endless
      && isKillRequested(attempts[slot], inRun: slots[attempts[slot].key.run]!)
  }

  /// A person's kill. What has no end of its lease, at an agent that is LOST, ends by that person's word:
  /// nothing else ever would end it.
  mutating func killAlive(_ slot: Int32) {
    let agent = agents[Int(attempts[slot].agent.value)]
    guard agent.state == .lost, attempts[slot].lease == .endless else { return sendKill(slot) }
    lose(
      slot,
      words: "killed while its agent \(agent.name) is LOST: whether it still runs there is not known",
      .silence)
  }

  // MARK: When

  private func lossDeadline(_ a: Int) -> Instant {
    agents[a].lastHeard + settings.lease.percent(lossPercent)
  }

  private var lossPercent: Int64 { planted(.requeuedAtTerm) ? 80 : settings.requeuePercent }

  private func suspectDeadline(_ a: Int) -> Instant { agents[a].lastHeard + settings.suspectPeriod }

  /// nil: not before its agent is lost, or never.
  private func ownDeadline(_ slot: Int32) -> Instant? {
    attempts[slot].lease.length.map {
      agents[Int(attempts[slot].agent.value)].lastHeard + $0.percent(lossPercent)
    }
  }

  /// The earliest time at which an agent's silence may mean something. Hearing from an agent only moves its
  /// own later, so the kept one may be early, never late.
  mutating func expectDeadline(of a: Int) {
    if agents[a].state != .lost {
      expectDeadline(at: agents[a].state == .active ? suspectDeadline(a) : lossDeadline(a))
    }
    guard agents[a].ownLeases > 0 else { return }
    for slot in agents[a].attempts {
      if let due = ownDeadline(slot) { expectDeadline(at: due) }
    }
  }

  private mutating func expectDeadline(at due: Instant) { agentDeadline = min(agentDeadline ?? due, due) }
}
