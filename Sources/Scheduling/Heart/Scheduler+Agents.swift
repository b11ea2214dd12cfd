import Protocol

// Agents come, list what they have, fall silent and go.
extension Scheduler {
  mutating func agentArrived(_ arrival: AgentArrival, at now: Instant) {
    let id: AgentID
    if let known = agentsByName[arrival.name] {
      id = known
      if let refusal = reasonToRefuse(arrival, knownAs: known) {
        effects.append(.refuse(arrival.session, .nameInUse, refusal))
        return
      }
      meet(arrival, again: known)
    } else {
      id = AgentID(Int32(agents.count))
      agents.append(
        AgentRecord(
          id: id, name: arrival.name, incarnation: arrival.incarnation, capacity: arrival.capacity,
          state: .active,
          at: now))
      agentsByName[arrival.name] = id
    }
    let a = Int(id.value)
    agents[a].session = arrival.session
    agents[a].isListed = false
    agents[a].hasHandedBack = false
    agents[a].unfitness = ""
    agents[a].listing = [:]
    agents[a].lastHeard = now
    if agents[a].state == .suspect || agents[a].state == .lost { agents[a].state = .active }
    effects.append(.agentChanged(id))
    effects.append(.welcome(id, arrival.session))
    expectDeadline(of: a)
  }

  private func reasonToRefuse(_ arrival: AgentArrival, knownAs known: AgentID) -> String? {
    let agent = agents[Int(known.value)]
    let latest = agent.arriving ?? agent.incarnation
    if latest.directoryID != arrival.incarnation.directoryID {
      if agent.state == .lost && agent.attempts.isEmpty { return nil }
      let until =
        agent.state == .lost
        ? "what it may still run is over (leaseSeconds), or kill that" : "that one is LOST"
      return
        "another agent is named \(arrival.name) and is \(agent.state.name): choose another --name, or wait until \(until)"
    }
    if latest.bootID == arrival.incarnation.bootID
      && arrival.incarnation.startNumber < latest.startNumber
    {
      return
        "a later start of agent \(arrival.name) from the same data directory is known: this one is of the past"
    }
    return nil
  }

  private mutating func meet(_ arrival: AgentArrival, again known: AgentID) {
    let a = Int(known.value)
    if let old = agents[a].session {
      effects.append(.closeSession(old, reason: "the agent connected anew"))
    }
    agents[a].arriving = arrival.incarnation == agents[a].incarnation ? nil : arrival.incarnation
    agents[a].free += arrival.capacity
    agents[a].free -= agents[a].capacity
    agents[a].capacity = arrival.capacity
  }

  /// A piece of the list. With the last one both sides know the same.
  mutating func agentListed(_ id: AgentID, _ held: [ToCoordinator.Held], isLast: Bool, at now: Instant) {
    let a = Int(id.value)
    agentHeard(id, at: now)
    for line in held { agents[a].listing[line.fence] = line.phase }
    guard isLast, !agents[a].isListed, let session = agents[a].session else { return }
    var listing = agents[a].listing
    agents[a].listing = [:]
    let isReborn = agents[a].arriving != nil && !planted(.rebornAgentTrusted)
    if let incarnation = agents[a].arriving {
      // What the earlier start had, and does not hand in here, died with it.
      agents[a].incarnation = incarnation
      agents[a].arriving = nil
      effects.append(.agentChanged(id))
    }
    agents[a].isListed = true

    for slot in heldInOrder(a) {
      let fence = attempts[slot].fence
      switch listing.removeValue(forKey: fence) {
      case .ended(let result): if !planted(.listedEndIgnored) { ended(fence, by: id, result, at: now) }
      case .running(let since) where !isReborn:
        started(fence, by: id, at: since)
        remind(slot)
      case .waiting where !isReborn && !planted(.resentWithNewFence): remind(slot)
      case .ending(let result) where result.kind != .lost: started(fence, by: id, at: result.start)
      case .ending(let result):
        started(fence, by: id, at: result.start)
        lose(slot, words: result.words, .processDied)
      case .running, .waiting:
        lose(slot, words: "lost: agent \(agents[a].name) was started anew", .processDied)
      case nil where isReborn:
        lose(slot, words: "lost: agent \(agents[a].name) was started anew", .processDied)
      case nil where attempts[slot].phase == .running:
        lose(slot, words: "lost: agent \(agents[a].name) no longer knows of it", .toldOrForgotten)
      case nil:
        if isKillRequested(attempts[slot], inRun: slots[attempts[slot].key.run]!) || attempts[slot].isRevoking
        {
          forget(slot)
        } else if !planted(.noResendAfterReconnect) {
          effects.append(.start(id, session, attempts[slot].key, attempts[slot].number, fence))
        }
      }
    }
    if isReborn { agents[a].hasLostSuspect = false }
    var kept: Set<Fence> = []
    for fence in listing.keys.sorted() {
      switch listing[fence]! {
      case .ended(let result):
        effects.append(.acknowledgeEnd(id, session, fence))
        late(fence, by: id, result)
      case .ending: kept.insert(fence)
      case .running, .waiting:
        kept.insert(fence)
        effects.append(.kill(id, session, fence, reason: "the attempt was given to another agent"))
      }
    }
    stopAwaiting(of: id, but: kept)
    changedAgents.append(id)
  }

  /// Its live attempts in the order of their fences, since the slab's is of no meaning; a suspect last, so that
  /// the others are not blamed for what is its doing.
  func heldInOrder(_ a: Int) -> [Int32] {
    if agents[a].attempts.count < 2 { return agents[a].attempts }
    // A closure that uses `self` would be given a copy of it.
    let attempts = attempts
    return agents[a].attempts.sorted {
      attempts[$0].isSuspect == attempts[$1].isSuspect
        ? attempts[$0].fence < attempts[$1].fence : attempts[$1].isSuspect
    }
  }

  /// Says again what was said while nobody heard.
  private mutating func remind(_ slot: Int32) {
    if planted(.killNotResent) { return }
    if isKillRequested(attempts[slot], inRun: slots[attempts[slot].key.run]!) {
      sendKill(slot)
    } else if attempts[slot].isRevoking {
      sendRevoke(slot)
    }
  }

  mutating func agentHeard(_ id: AgentID, at now: Instant) {
    let a = Int(id.value)
    agents[a].lastHeard = now
    if agents[a].state == .suspect {
      agents[a].state = .active
      changedAgents.append(id)
      effects.append(.agentChanged(id))
      expectDeadline(of: a)
    }
  }

  mutating func agentHeartbeat(_ id: AgentID, at now: Instant) {
    agentHeard(id, at: now)
    let a = Int(id.value)
    if agents[a].hasHandedBack {
      agents[a].hasHandedBack = false
      changedAgents.append(id)
    }
  }

  mutating func agentUnfit(_ id: AgentID, _ reason: String) {
    let a = Int(id.value)
    agents[a].unfitness = reason
    if reason.isEmpty { changedAgents.append(id) } else { forgetReservation(of: a) }
  }

  mutating func agentDisconnected(_ id: AgentID, at now: Instant) {
    let a = Int(id.value)
    agents[a].session = nil
    agents[a].isListed = false
    forgetReservation(of: a)
    if agents[a].state == .active { agents[a].state = .suspect }
    effects.append(.agentChanged(id))
    expectDeadline(of: a)
  }

  /// It says goodbye and leaves nothing running: what it still holds by our count was never started, or its
  /// end is not known.
  mutating func agentLeft(_ id: AgentID, reason: String, at now: Instant) {
    let a = Int(id.value)
    for slot in heldInOrder(a) {
      lose(slot, words: "lost: agent \(agents[a].name) left (\(reason))", .toldOrForgotten)
    }
    stopAwaiting(of: id)
    if let session = agents[a].session { effects.append(.closeSession(session, reason: "the agent left")) }
    giveUp(a)
  }

  mutating func giveUp(_ a: Int) {
    forgetReservation(of: a)
    agents[a].session = nil
    agents[a].isListed = false
    agents[a].state = .lost
    effects.append(.agentChanged(agents[a].id))
  }
}
