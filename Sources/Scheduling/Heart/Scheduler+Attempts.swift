import Protocol

// An attempt is dispatched, starts and ends: every way it can.
extension Scheduler {
  // MARK: What agents say

  /// The live attempt of that fence, where that agent has it.
  @inline(__always)
  private func slot(of fence: Fence, at agent: AgentID) -> Int32? {
    #if CARAVAN_PLANTS
      if planted(.noFence), let key = keysByFence[fence.value] { return attempts.slot(of: key) }
    #endif
    guard let slot = slotsByFence[fence.value], attempts[slot].agent == agent else { return nil }
    return slot
  }

  mutating func started(_ fence: Fence, by agent: AgentID, at time: WallTime) {
    guard let slot = slot(of: fence, at: agent) else { return }
    guard attempts[slot].phase != .running else { return }
    leaveWaiting(slot)
    attempts[slot].phase = .running
    attempts[slot].isRevoking = false
    let attempt = attempts[slot]
    let run = slots[attempt.key.run]!
    let task = attempt.key.task
    var earliest = runs[run].families[Int(attempt.family)].notBefore
    if !runs[run].edges.singles.isEmpty { earliest = max(earliest, runs[run].edges.notBefore(task)) }
    attempts[slot].start = max(time, earliest)

    if runs[run].bytes[Int(task.value)].hasAttempts || attempt.number.value > 1 {
      var history = runs[run].history(of: task)
      history.lastNumber = attempt.number.value
      setHistory(history, of: task, inRun: run)
    }
    runs[run].bytes[Int(task.value)].hasAttempts = true
    setState(.running, of: task, inRun: run)
    runs[run].hasStarted = true
    if runs[run].state == .queued { setState(.running, ofRun: run) }
    effects.append(.attemptUpdated(attempts[slot].record))
  }

  mutating func ended(_ fence: Fence, by agent: AgentID, _ result: AttemptResult, at now: Instant) {
    guard let session = agents[Int(agent.value)].session else { return }
    effects.append(.acknowledgeEnd(agent, session, fence))
    guard let slot = slot(of: fence, at: agent) else { return late(fence, by: agent, result) }
    started(fence, by: agent, at: result.start)
    if result.stopped == .agentStops { return giveBack(slot, result) }
    switch result.kind {
    case .lost: lose(slot, words: result.words, .processDied)
    case .leaseExpired: lose(slot, words: result.words, .toldOrForgotten)
    case .exited, .notExecuted, .timeLimit, .memoryLimit: settle(slot, result, at: now)
    }
  }

  mutating func revoked(_ fence: Fence, by agent: AgentID) {
    guard let slot = slot(of: fence, at: agent), attempts[slot].phase != .running else { return }
    forget(slot)
  }

  /// The agent stops or drains. Free of any budget.
  mutating func handedBack(_ fence: Fence, by agent: AgentID, _ result: AttemptResult?) {
    guard let session = agents[Int(agent.value)].session else { return }
    effects.append(.acknowledgeEnd(agent, session, fence))
    agents[Int(agent.value)].hasHandedBack = true
    guard let slot = slot(of: fence, at: agent) else {
      if var result {
        result.stopped = .agentStops
        late(fence, by: agent, result)
      }
      return
    }
    if let result, attempts[slot].phase != .running { started(fence, by: agent, at: result.start) }
    guard attempts[slot].phase == .running else { return forget(slot) }
    giveBack(slot, result)
  }

  private mutating func giveBack(_ slot: Int32, _ result: AttemptResult?) {
    var record = attempts[slot].record
    record.words = result?.words ?? "handed back by agent \(agents[Int(record.agent.value)].name)"
    if let result { record.take(result) }
    let attempt = remove(slot)
    let run = slots[attempt.key.run]!
    if isKillRequested(attempt, inRun: run) {
      record.state = .killed
      effects.append(.attemptUpdated(record))
      setState(.killed, of: attempt.key.task, inRun: run)
    } else {
      record.state = .handedBack
      effects.append(.attemptUpdated(record))
      if planted(.handBackCharged) { chargeLoss(of: record, inRun: run) }
      requeue(attempt.key.task, inRun: run)
    }
    endIfDone(run)
  }

  // MARK: How it ends

  /// The end was seen by its agent: the outcome.
  private mutating func settle(_ slot: Int32, _ result: AttemptResult, at now: Instant) {
    var record = attempts[slot].record
    record.take(result)
    let attempt = remove(slot)
    let run = slots[attempt.key.run]!
    let task = attempt.key.task
    learnDuration(result, of: Int(attempt.family), inRun: run)
    if isKillRequested(attempt, inRun: run) {
      record.state = .killed
      setState(.killed, of: task, inRun: run)
      effects.append(.attemptUpdated(record))
    } else if result.kind != .exited || result.rc != 0 {
      fail(&record, inRun: run, at: now)
    } else if runs[run].families[Int(attempt.family)].isGenerator {
      record.state = .completed
      effects.append(.attemptUpdated(record))
      beginExpanding(record, inRun: run)
    } else {
      record.state = .completed
      effects.append(.attemptUpdated(record))
      complete(task, inRun: run, stoppedAt: record.stop)
    }
    endIfDone(run)
  }

  /// A failure: tried again while the budget lasts.
  mutating func fail(_ record: inout AttemptRecord, inRun run: Int, at now: Instant) {
    let task = record.key.task
    record.state = .failed
    effects.append(.attemptUpdated(record))
    let family = runs[run].families[runs[run].family(of: task)]
    var history = runs[run].history(of: task)
    history.failures += 1
    // It ended, and its agent did not.
    history.deaths = 0
    history.lastNumber = record.number.value
    setHistory(history, of: task, inRun: run)
    guard history.failures <= family.maxRetries else { return setState(.errored, of: task, inRun: run) }
    setState(.retry, of: task, inRun: run)
    if family.retryIntervalSeconds == 0 { return requeue(task, inRun: run) }
    retries.insert(
      RetryTimers.Entry(
        due: now + .seconds(Int64(family.retryIntervalSeconds)), key: record.key, number: record.number.value)
    )
  }

  enum Loss {
    /// Nothing was heard of its agent for longer than its lease: its result may still come.
    case silence
    /// Its agent's process is proven dead, and it died with it.
    case processDied
    /// Its agent says that it ended it since the lease ran out, or knows nothing of it.
    case toldOrForgotten
  }

  /// A budget apart from the failures'.
  mutating func lose(_ slot: Int32, words: String, _ loss: Loss) {
    guard attempts[slot].phase == .running else { return forget(slot) }
    var record = attempts[slot].record
    record.state = .lost
    record.rc = -1
    record.stop = .none
    record.words = words
    let attempt = remove(slot)
    let run = slots[attempt.key.run]!
    let task = attempt.key.task
    var history = runs[run].history(of: task)
    history.lastNumber = attempt.number.value
    history.lost += 1
    if planted(.oneRetryCounter) { history.failures += 1 }
    if loss == .processDied && !diedBesideSuspect(attempt) { history.deaths += 1 }
    if loss == .processDied && attempt.isSuspect { agents[Int(attempt.agent.value)].hasLostSuspect = true }
    setHistory(history, of: task, inRun: run)
    if isKillRequested(attempt, inRun: run) && !planted(.killForgottenOnLoss) {
      setState(.killed, of: task, inRun: run)
    } else if history.deaths >= settings.poisonDeaths {
      record.words +=
        "; it was running at the deaths of \(history.deaths) agent processes and is not tried again"
      setState(.errored, of: task, inRun: run)
    } else if history.lost > runs[run].families[Int(attempt.family)].maxLost ?? settings.maxLost {
      record.words += "; lost \(history.lost) \(history.lost == 1 ? "time" : "times"), it is not tried again"
      setState(.errored, of: task, inRun: run)
    } else if planted(.lostNotRequeued) {
      setState(.queued, of: task, inRun: run)
    } else {
      requeue(task, inRun: run)
    }
    record.isAwaited = loss == .silence
    effects.append(.attemptUpdated(record))
    if record.isAwaited { awaitResult(of: record) }
    endIfDone(run)
  }

  private mutating func chargeLoss(of record: AttemptRecord, inRun run: Int) {
    var history = runs[run].history(of: record.key.task)
    history.lastNumber = record.number.value
    history.lost += 1
    setHistory(history, of: record.key.task, inRun: run)
  }

  /// It never started: no trace, no budget.
  mutating func forget(_ slot: Int32) {
    let attempt = remove(slot)
    let run = slots[attempt.key.run]!
    effects.append(.attemptDeleted(attempt.key, attempt.number))
    if attempt.isKillRequested {
      setState(.killed, of: attempt.key.task, inRun: run)
    } else {
      requeue(attempt.key.task, inRun: run)
    }
    endIfDone(run)
  }

  mutating func wakeRetries(at now: Instant) {
    while let entry = retries.removeDue(at: now) {
      guard let run = slots[entry.key.run], entry.key.task.value < runs[run].bytes.count,
        runs[run].bytes[Int(entry.key.task.value)].state == .retry,
        runs[run].history(of: entry.key.task).lastNumber == entry.number || planted(.staleRetryWakes)
      else { continue }
      requeue(entry.key.task, inRun: run)
      // A parent may have been run again and killed meanwhile: then nothing of the run can run.
      endIfDone(run)
    }
  }

  // MARK: Parts

  /// Takes a live attempt out of all tables, and frees its room.
  mutating func remove(_ slot: Int32) -> LiveAttempt {
    leaveWaiting(slot)
    let attempt = attempts[slot]
    attempts.remove(slot)
    slotsByFence[attempt.fence.value] = nil
    let a = Int(attempt.agent.value)
    let last = agents[a].attempts.removeLast()
    if last != slot {
      agents[a].attempts[Int(attempt.place)] = last
      attempts[last].place = attempt.place
    }
    if attempt.lease != .standard { agents[a].ownLeases -= 1 }
    if attempt.isSuspect { agents[a].suspects -= 1 }
    if !planted(.roomKept) { agents[a].free += attempt.needs }
    fillRoom(a)
    changedAgents.append(attempt.agent)
    let run = slots[attempt.key.run]!
    runs[run].attemptIsOver(of: attempt.key.task)
    touch(run)
    return attempt
  }

  /// No longer among those that wait: it takes room from now on.
  @inline(__always)
  func isWaiting(_ slot: Int32) -> Bool { attempts[slot].phase == .waiting }

  mutating func leaveWaiting(_ slot: Int32) {
    guard isWaiting(slot) else { return }
    let a = Int(attempts[slot].agent.value)
    agents[a].waiting.removeAll { $0 == slot }
    waitingCount -= 1
    agents[a].waitingWork -= attempts[slot].work
    agents[a].free -= attempts[slot].needs
    attempts[slot].phase = .placed
  }

  /// What the agent does when room frees: the first that wait are started while they fit.
  mutating func fillRoom(_ a: Int) {
    while let first = agents[a].waiting.first, attempts[first].needs.fits(in: agents[a].free) {
      leaveWaiting(first)
    }
  }

  @inline(__always)
  func isKillRequested(_ attempt: LiveAttempt, inRun run: Int) -> Bool {
    attempt.isKillRequested || runs[run].isKillRequested
  }

  mutating func setHistory(_ history: TaskHistory, of task: TaskIndex, inRun run: Int) {
    let key = TaskKey(runs[run].id, task)
    let isPlain = history.lastNumber <= 1 && history.failures == 0 && history.lost == 0 && history.deaths == 0
    let had = runs[run].bytes[Int(task.value)].hasHistory
    if isPlain && !had { return }
    if !isPlain && had && runs[run].histories[task.value] == history { return }
    runs[run].histories[task.value] = isPlain ? nil : history
    runs[run].bytes[Int(task.value)].hasHistory = !isPlain
    runs[run].markDirty(task)
    touch(run)
    if !planted(.historyNotWritten) { effects.append(.historyChanged(key, isPlain ? nil : history)) }
  }

  mutating func learnDuration(_ result: AttemptResult, of f: Int, inRun run: Int) {
    let ran = max(1, result.stop.nanoseconds - result.start.nanoseconds)
    let mean = runs[run].families[f].meanNanoseconds
    runs[run].families[f].meanNanoseconds = mean == 0 ? ran : mean + (ran - mean) / 8
    // With the first known duration work may wait at every agent, not just at the one that is free now.
    if mean == 0 { ready[runs[run].families[f].shape].isFresh = true }
  }
}

extension AttemptRecord {
  /// The agent's account of the end. Where its clock is behind, start was moved on when it was stored; the
  /// stop moves on as far.
  mutating func take(_ result: AttemptResult) {
    let shift = start.nanoseconds - result.start.nanoseconds
    stop = WallTime(nanoseconds: max(result.stop.nanoseconds + shift, start.nanoseconds))
    rc = result.rc
    words = result.words
    cpuMicroseconds = result.cpuMicroseconds
    peakMemoryKB = result.peakMemoryKB
    stdoutBytes = result.stdoutBytes
    stderrBytes = result.stderrBytes
  }
}
