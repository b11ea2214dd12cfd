import Protocol

// What a recovery must bring back, held against what was there: for tests and the simulator.
//
// Not compared: connections, timers, learned durations, reservations, and which of the attempts that were sent
// and have not started have room by our count. A recovery begins those anew.
extension Scheduler {
  /// The first thing in which a Scheduler that has nothing to write and one restored from what was written part,
  /// in words; nil: they are equal.
  public func difference(from other: Scheduler) -> String? {
    if !apart.isEmpty {
      // They wait where the next look begins anew.
      var copy = self
      copy.bringBack()
      return copy.difference(from: other)
    }
    let open = openRuns
    let others = other.openRuns
    if open != others { return "runs \(open), and \(others)" }
    for id in open {
      if let found = difference(ofRun: slots[id]!, from: other, other.slots[id]!) {
        return "run \(id): \(found)"
      }
    }
    if agents.count != other.agents.count { return "\(agents.count) agents, and \(other.agents.count)" }
    for (agent, its) in zip(agents, other.agents) {
      if let found = difference(of: agent, from: other, its) { return "agent \(agent.name): \(found)" }
    }
    let live = attempts.used.map { attempts[$0].lasting }.sorted { $0.fence < $1.fence }
    let its = other.attempts.used.map { other.attempts[$0].lasting }.sorted { $0.fence < $1.fence }
    if let found = firstDifference(live, its) { return "attempts: \(found)" }
    let waiting = expanding.values.sorted { $0.fence < $1.fence }
    if let found = firstDifference(waiting, other.expanding.values.sorted { $0.fence < $1.fence }) {
      return "generators: \(found)"
    }
    if let found = firstDifference(awaited.sorted, other.awaited.sorted) { return "awaited: \(found)" }
    return nil
  }

  private var openRuns: [RunID] {
    var open: [RunID] = []
    for slot in runs.indices where runs[slot].id.value >= 0 && !runs[slot].state.isFinal {
      open.append(runs[slot].id)
    }
    return open.sorted()
  }

  private func difference(ofRun slot: Int, from other: Scheduler, _ otherSlot: Int) -> String? {
    let run = runs[slot]
    let its = other.runs[otherSlot]
    if run.state != its.state { return "\(run.state), and \(its.state)" }
    if run.isKillRequested != its.isKillRequested { return "kill requested: \(run.isKillRequested)" }
    if run.hasStarted != its.hasStarted { return "has started: \(run.hasStarted)" }
    if run.latestStop != its.latestStop { return "latest stop \(run.latestStop), and \(its.latestStop)" }
    if let found = firstDifference(run.bytes, its.bytes) { return "tasks: \(found)" }
    if run.histories != its.histories { return "histories \(run.histories), and \(its.histories)" }
    if run.counts != its.counts { return "counts \(run.counts.all), and \(its.counts.all)" }
    if run.readyTasks != its.readyTasks { return "ready \(run.readyTasks), and \(its.readyTasks)" }
    if run.aliveAttempts != its.aliveAttempts {
      return "alive \(run.aliveAttempts), and \(its.aliveAttempts)"
    }
    if run.expandingTasks != its.expandingTasks {
      return "expanding \(run.expandingTasks), and \(its.expandingTasks)"
    }
    if let found = run.edges.difference(from: its.edges) { return found }
    if run.families.count != its.families.count {
      return "\(run.families.count) families, and \(its.families.count)"
    }
    for f in run.families.indices {
      if let found = firstDifference([run.lasting(f)], [its.lasting(f)]) { return "family \(f): \(found)" }
      guard isDispatchable(slot), !run.families[f].isDropped else { continue }
      let next = nextInQueue(f, inRun: slot)
      let itsNext = other.nextInQueue(f, inRun: otherSlot)
      if next != itsNext {
        return "family \(f): dispatches \(next.map(String.init) ?? "nothing") next, and "
          + (itsNext.map(String.init) ?? "nothing")
      }
    }
    return nil
  }

  /// The ordinal that the ready queue would come to in this family.
  private func nextInQueue(_ f: Int, inRun slot: Int) -> Int32? {
    let family = runs[slot].families[f]
    guard family.isQueued, family.openParents == 0 else { return nil }
    let again = family.requeued.elements.filter { isReady($0, ofFamily: f, inRun: slot) }.min()
    let onward = (family.cursor..<family.count).first { isReady($0, ofFamily: f, inRun: slot) }
    guard let again, let onward else { return again ?? onward }
    return min(again, onward)
  }

  private func difference(of agent: AgentRecord, from other: Scheduler, _ its: AgentRecord) -> String? {
    if agent.name != its.name { return "is \(its.name) there" }
    if agent.incarnation != its.incarnation { return "\(agent.incarnation), and \(its.incarnation)" }
    if agent.capacity != its.capacity { return "capacity \(agent.capacity), and \(its.capacity)" }
    // Whoever was heard before is not heard yet.
    let state = agent.state == .active ? AgentState.suspect : agent.state
    let itsState = its.state == .active ? AgentState.suspect : its.state
    if state != itsState { return "\(agent.state), and \(its.state)" }
    let held = agent.attempts.map { attempts[$0].fence }.sorted()
    let itsHeld = its.attempts.map { other.attempts[$0].fence }.sorted()
    if held != itsHeld { return "attempts \(held), and \(itsHeld)" }
    let free = freeBesideRunning(agent)
    let itsFree = other.freeBesideRunning(its)
    return free == itsFree ? nil : "free \(free), and \(itsFree)"
  }

  private func freeBesideRunning(_ agent: AgentRecord) -> ResourceVector {
    var free = agent.free
    for slot in agent.attempts where attempts[slot].phase == .placed { free += attempts[slot].needs }
    return free
  }

  private func firstDifference<Element: Equatable>(_ mine: [Element], _ its: [Element]) -> String? {
    if mine == its { return nil }
    let at = zip(mine, its).enumerated().first { $1.0 != $1.1 }?.offset ?? min(mine.count, its.count)
    func text(_ list: [Element]) -> String { at < list.count ? "\(list[at])" : "nothing" }
    return "at \(at), \(text(mine)), and \(text(its))"
  }
}

extension LiveAttempt {
  /// What outlives a coordinator.
  fileprivate struct Lasting: Equatable {
    var fence: Fence
    var key: TaskKey
    var number: AttemptNumber
    var family: Int32
    var agent: AgentID
    var needs: ResourceVector
    var lease: TaskLease
    var isSuspect: Bool
    var isRunning: Bool
    var isKillRequested: Bool
    var start: WallTime
  }

  fileprivate var lasting: Lasting {
    Lasting(
      fence: fence, key: key, number: number, family: family, agent: agent, needs: needs,
      lease: lease, isSuspect: isSuspect,
      isRunning: phase == .running, isKillRequested: isKillRequested, start: start)
  }
}

extension RunRecord {
  fileprivate struct LastingFamily: Equatable {
    var first: Int32
    var count: Int32
    var maxRetries: Int32
    var retryIntervalSeconds: Int32
    var maxLost: Int32?
    var lease: TaskLease
    var isGenerator: Bool
    var isDropped: Bool
    var remaining: Int32
    var openParents: Int32
    var generator: TaskIndex?
  }

  fileprivate func lasting(_ f: Int) -> LastingFamily {
    let family = families[f]
    return LastingFamily(
      first: family.first, count: family.count, maxRetries: family.maxRetries,
      retryIntervalSeconds: family.retryIntervalSeconds, maxLost: family.maxLost, lease: family.lease,
      isGenerator: family.isGenerator,
      isDropped: family.isDropped, remaining: family.isDropped ? 0 : family.remaining,
      openParents: family.isDropped ? 0 : family.openParents, generator: family.generator)
  }
}
