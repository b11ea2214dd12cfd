import Protocol

// What must hold after every event, recomputed from the ground: for tests and the simulator.
extension Scheduler {
  /// The first thing found wrong, in words; nil: all holds.
  public func brokenInvariant() -> String? {
    for (id, slot) in slots.sorted(by: { $0.key < $1.key }) {
      if runs[slot].id != id { return "run \(id) is listed at run \(runs[slot].id)'s place" }
      if let wrong = brokenInvariant(ofRun: slot) { return "run \(id): \(wrong)" }
    }
    for agent in agents {
      if let wrong = brokenInvariant(of: agent) { return "agent \(agent.name): \(wrong)" }
    }
    for slot in attempts.used {
      let attempt = attempts[slot]
      guard slotsByFence[attempt.fence.value] == slot else { return "fence \(attempt.fence) is not found" }
      guard agents[Int(attempt.agent.value)].attempts[Int(attempt.place)] == slot else {
        return "attempt \(attempt.fence) is not at its place"
      }
      guard slots[attempt.key.run] != nil else { return "attempt \(attempt.fence) belongs to no run" }
    }
    if slotsByFence.count != attempts.used.count { return "fences and attempts differ in number" }
    return nil
  }

  private func brokenInvariant(ofRun slot: Int) -> String? {
    let run = runs[slot]
    var again = self
    again.derive(slot)
    let derived = again.runs[slot]
    if run.counts != derived.counts { return "counts are \(run.counts), not \(derived.counts)" }
    if run.readyTasks != derived.readyTasks { return "ready: \(run.readyTasks), not \(derived.readyTasks)" }
    if run.expandingTasks != derived.expandingTasks { return "expanding: \(run.expandingTasks)" }
    for f in run.families.indices where !run.families[f].isDropped {
      let family = run.families[f]
      if family.remaining != derived.families[f].remaining {
        return "family \(f): remaining \(family.remaining)"
      }
      if family.openParents != derived.families[f].openParents {
        return "family \(f): open parents \(family.openParents), not \(derived.families[f].openParents)"
      }
      if let wrong = brokenInvariant(ofFamily: f, in: run, slot) { return "family \(f): \(wrong)" }
    }
    let alive = attempts.used.filter { attempts[$0].key.run == run.id }
    if alive.count != Int(run.aliveAttempts) { return "alive: \(run.aliveAttempts), not \(alive.count)" }
    if run.bytes.filter(\.isAlive).count != alive.count {
      return "the bytes say another number of live attempts"
    }
    if Set(alive.map { attempts[$0].key.task }).count != alive.count {
      return "two attempts of one task are alive"
    }
    for attempt in alive where !run.bytes[Int(attempts[attempt].key.task.value)].isAlive {
      return "a live attempt's task \(attempts[attempt].key.task) does not say so"
    }
    if run.state.isFinal && !alive.isEmpty { return "it is \(run.state.name) with attempts alive" }
    return nil
  }

  private func brokenInvariant(ofFamily f: Int, in run: RunRecord, _ slot: Int) -> String? {
    let family = run.families[f]
    var hasReady = false
    for ordinal in 0..<family.count {
      let task = family.task(ordinal)
      let byte = run.bytes[Int(task.value)]
      if byte.state == .running && !byte.isAlive && !byte.isExpanding {
        return "\(task) is RUNNING without an attempt"
      }
      if byte.isAlive && byte.state != .queued && byte.state != .running {
        return "\(task) is \(byte.state.name) with an attempt alive"
      }
      if byte.state != .queued && byte.state != .killed && byte.state != .skipped && !byte.hasAttempts {
        return "\(task) is \(byte.state.name) without an attempt"
      }
      if byte.hasHistory != (run.histories[task.value] != nil) {
        return "\(task)'s history and its bit differ"
      }
      let waits = family.openParents > 0 || run.edges.hasOpenParents(task)
      if !waits && isReady(ordinal, ofFamily: f, inRun: slot) { hasReady = true }
    }
    if hasReady && run.isDispatchable && !family.isQueued { return "ready tasks are not in the queue" }
    return nil
  }

  private func brokenInvariant(of agent: AgentRecord) -> String? {
    var free = agent.capacity
    for slot in agent.attempts where attempts[slot].phase != .waiting { free -= attempts[slot].needs }
    if free != agent.free { return "free is \(agent.free.lanes), not \(free.lanes)" }
    let waiting = Set(agent.attempts.filter { attempts[$0].phase == .waiting })
    if waiting != Set(agent.waiting) || waiting.count != agent.waiting.count {
      return "its waiting list is wrong"
    }
    let work = agent.waiting.reduce(0) { $0 + attempts[$1].work }
    if work != agent.waitingWork { return "its waiting work is \(agent.waitingWork), not \(work)" }
    return nil
  }
}
