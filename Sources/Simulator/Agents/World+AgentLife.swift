import Protocol
import Scheduling

// Agents' processes and hosts come and go.
extension World {
  /// Whether the agent's process can do anything now.
  @inline(__always)
  func acts(_ a: Int) -> Bool { agents[a].life == .serving && now >= agents[a].frozenUntil }

  @inline(__always)
  func isFrozen(_ a: Int) -> Bool { agents[a].life != .down && now < agents[a].frozenUntil }

  // MARK: Beginning

  mutating func agentStarts(_ a: Int) {
    guard agents[a].life == .down else { return }
    if !agents[a].hasPower {
      agents[a].hasPower = true
      wakeHeld(a)
    }
    agents[a].lifeNumber += 1
    agents[a].life = .sweeping
    agents[a].startNumber += 1
    agents[a].capacity = agents[a].nextCapacity
    if isLogging { note("\(agents[a].name) is started, number \(agents[a].startNumber)") }
    // What cannot be killed at once (in the kernel, on a dead mount) keeps it waiting.
    let hasLeftovers = !agents[a].processes.isEmpty
    let isSlow = hasLeftovers && agents[a].random.chance(percent: 20)
    let time = agents[a].random.below(Int64(isSlow ? 3_000 : hasLeftovers ? 20 : 2))
    agenda.enter(
      .agentIsSwept, a, at: now + 100 * TrueTime.microsecond + time * TrueTime.millisecond,
      generation: agents[a].lifeNumber)
    if planted(.helloBeforeSweep) { serve(a) }
  }

  mutating func agentIsSwept(_ a: Int) {
    for p in agents[a].processes.indices.reversed() where agents[a].processes[p].isOrphan { killNow(a, p) }
    if !planted(.helloBeforeSweep) { serve(a) }
  }

  private mutating func serve(_ a: Int) {
    agents[a].life = .serving
    let left = planted(.spoolUnread) ? [] : agents[a].spool.left(boot: agents[a].boot)
    agents[a].spool.begin(with: restoreOutputs(a, left), boot: agents[a].boot)
    agents[a].tracker = AttemptTracker(
      AttemptTracker.Settings(capacity: agents[a].capacity), left: restored)
    dial(a)
    endOfTurn(a)
  }

  /// Output that earlier starts kept in files, as `EarlierStarts` takes it; that of nobody's end goes.
  private mutating func restoreOutputs(
    _ a: Int, _ left: [(fence: Fence, result: AttemptResult)]
  ) -> [(fence: Fence, result: AttemptResult)] {
    restored = left
    agents[a].outputs.removeAll { output in !left.contains { $0.fence == output.fence } }
    for at in agents[a].outputs.indices {
      let output = agents[a].outputs[at]
      guard let line = left.firstIndex(where: { $0.fence == output.fence }) else { continue }
      let from = output.fileFrom ?? output.spooledFrom
      if left[line].result.kind == .lost { restored[line].result.stdoutBytes = output.total }
      agents[a].outputs[at].total = restored[line].result.stdoutBytes
      agents[a].outputs[at].acknowledged = from
      agents[a].outputs[at].sent = from
      agents[a].outputs[at].isEnded = true
      agents[a].outputs[at].waitingEnd = nil
    }
    return restored
  }

  // MARK: Ending

  /// kill -9, or a fault of its own; it is started again after `downtime`.
  mutating func crashAgent(_ a: Int, downtime: Int64) {
    guard agents[a].life != .down else { return }
    if isLogging { note("\(agents[a].name)'s process dies") }
    // Its other process outlives it for as long as it takes, or goes with it.
    endAgent(
      a, downtime: downtime, isTold: agents[a].life == .serving && agents[a].random.chance(percent: 50))
  }

  mutating func crashAtPoint(_ a: Int) {
    if isLogging { note("\(agents[a].name) is about to die \(agents[a].crashPoint!)") }
    crashAgent(a, downtime: agents[a].crashDowntime)
  }

  private mutating func endAgent(_ a: Int, downtime: Int64, isTold: Bool = false) {
    oracle.agentDied(a)
    agents[a].spool.losePending()
    if isTold { tellDeath(a) }
    closeAtAgent(a)
    agents[a].endProcess()
    orphan(a)
    agenda.enter(.agentStarts, a, at: now + downtime, generation: agents[a].lifeNumber)
  }

  /// Nothing of it runs; its process ends with 0.
  mutating func leaveForGood(_ a: Int, isAnswered: Bool = false) {
    if isLogging { note("\(agents[a].name) leaves") }
    if !agents[a].tracker.hasUnacknowledged || (planted(.goodbyeIsEnough) && isAnswered) {
      agents[a].spool.remove()
    }
    endAgent(a, downtime: agents[a].downtimeAfterLeaving)
  }

  /// The host loses its power.
  mutating func crashHost(_ a: Int, downtime: Int64) {
    guard agents[a].hasPower else { return }
    if isLogging { note("\(agents[a].name)'s host loses its power") }
    oracle.agentDied(a)
    while !agents[a].processes.isEmpty { removeNow(a, 0) }
    // It says nothing; what is under way may still arrive, or a part of it.
    if agents[a].connection >= 0 {
      let c = agents[a].connection
      network.connections[c].isOpenAtAgent = false
      network.drop(c, .up, keeping: agents[a].random.below(3))
    }
    agents[a].hasPower = false
    agents[a].endProcess()
    agents[a].boot += 1
    agents[a].clock.reboot(at: now)
    oracle.spoolIsGone(a)
    agents[a].spool.lose(after: agents[a].random.below(1 + agents[a].spool.lines.count))
    // The count of starts is renamed into place, which the directory may not know of yet.
    if agents[a].random.chance(percent: 30) { agents[a].startNumber -= 1 }
    for at in agents[a].outputs.indices { agents[a].outputs[at].fileFrom = nil }
    agents[a].outputs.removeAll()
    agenda.enter(.agentStarts, a, at: now + downtime, generation: agents[a].lifeNumber)
  }

  /// Its data directory is lost while it is down: the next start is another agent of the same name.
  mutating func wipe(_ a: Int) {
    guard agents[a].life == .down else { return }
    agents[a].directory += 1
    agents[a].startNumber = 0
    oracle.spoolIsGone(a)
    agents[a].spool.reset()
    agents[a].outputs.removeAll()
  }

  /// SIGTERM.
  mutating func stopAgent(_ a: Int, downtime: Int64) {
    guard agents[a].life == .serving else { return }
    if isLogging { note("\(agents[a].name) is told to stop") }
    agents[a].downtimeAfterLeaving = downtime
    agents[a].isToldToStop = true
    if !isFrozen(a) { heedStop(a) }
  }

  private mutating func heedStop(_ a: Int) {
    agents[a].isToldToStop = false
    let life = agents[a].lifeNumber
    reap(a)
    if agents[a].lifeNumber != life { return }
    tell(a, .shutdown)
    if agents[a].lifeNumber == life { endOfTurn(a) }
  }

  /// Something of it does not die, or is gone after all.
  mutating func setUnfit(_ a: Int, _ isUnfit: Bool) {
    guard agents[a].life == .serving, !isFrozen(a), agents[a].isUnfit != isUnfit else { return }
    if isLogging { note("\(agents[a].name) \(isUnfit ? "takes no new work" : "takes work again")") }
    agents[a].isUnfit = isUnfit
    let life = agents[a].lifeNumber
    tell(a, .unfit(reason: isUnfit ? "something does not die" : ""))
    if agents[a].lifeNumber == life { endOfTurn(a) }
  }

  /// SIGSTOP, and SIGCONT after `period`.
  mutating func freezeAgent(_ a: Int, period: Int64) {
    guard agents[a].life == .serving, !isFrozen(a) else { return }
    let isWhole = agents[a].random.chance(percent: 50)
    if isLogging {
      note(
        "\(agents[a].name)\(isWhole ? "" : "'s runner") is stopped for \(period / TrueTime.millisecond) ms")
    }
    agents[a].frozenUntil = now + period
    agents[a].isLinkFrozen = isWhole
    if !isWhole { guardLeases(a) }
    agenda.enter(.agentContinues, a, at: now + period, generation: agents[a].lifeNumber)
  }

  mutating func agentContinues(_ a: Int) {
    if isLogging { note("\(agents[a].name) continues") }
    agents[a].frozenUntil = now
    let life = agents[a].lifeNumber
    if agents[a].isToldToStop { heedStop(a) } else { endOfTurn(a) }
    if agents[a].lifeNumber != life { return }
    wakeHeld(a)
    agenda.enter(.overlapAudit, a, at: now + Oracle.actingTime, generation: agents[a].lifeNumber)
  }
}
