import Protocol

// Results of attempts that were taken for lost. One counts only where nothing else can: it succeeded, and no
// other attempt of its task was started since. All others are kept in words and change nothing.
//
// To let a failure count too was not taken: the task is to run again in either case. Nor does an attempt go on
// that an agent brings back running: its successor may be on its way.
extension Scheduler {
  /// Its agent was silent past its lease: from now on a result of it is late.
  mutating func awaitResult(of record: AttemptRecord) {
    for gone in awaited.insert(record) { writeNotAwaited(gone) }
  }

  mutating func stopAwaiting(ofRun slot: Int) {
    for record in awaited.sorted(ofRun: runs[slot].id) { stopAwaiting(record) }
  }

  /// `but`: those that the agent still has.
  mutating func stopAwaiting(of agent: AgentID, but kept: Set<Fence> = []) {
    for record in awaited.sorted(of: agent) where !kept.contains(record.fence) { stopAwaiting(record) }
  }

  /// A person has the tasks run anew, and the families are dropped.
  mutating func stopAwaiting(_ tasks: [TaskIndex], families: Set<Int>, inRun slot: Int) {
    for record in awaited.sorted(ofRun: runs[slot].id) {
      let task = record.key.task
      if tasks.contains(task) || families.contains(runs[slot].family(of: task)) { stopAwaiting(record) }
    }
  }

  private mutating func stopAwaiting(_ record: AttemptRecord) {
    _ = awaited.remove(record.fence)
    writeNotAwaited(record)
  }

  private mutating func writeNotAwaited(_ record: AttemptRecord) {
    var record = record
    record.isAwaited = false
    effects.append(.attemptUpdated(record))
  }

  /// A result with the fence of no live attempt. Its acknowledgement is the caller's matter.
  mutating func late(_ fence: Fence, by agent: AgentID, _ result: AttemptResult) {
    guard awaited[fence]?.agent == agent, var record = awaited.remove(fence) else { return }
    record.isAwaited = false
    if let reason = reasonNotToAccept(record, result) {
      record.words += "; its result came late (rc \(result.rc)) and changes nothing: \(reason)"
      effects.append(.attemptUpdated(record))
    } else {
      accept(record, result)
    }
  }

  private func reasonNotToAccept(_ record: AttemptRecord, _ result: AttemptResult) -> String? {
    let run = slots[record.key.run]!
    let task = record.key.task
    let byte = runs[run].bytes[Int(task.value)]
    let latest = runs[run].history(of: task).lastNumber
    if result.kind != .exited || result.rc != 0 {
      return "only a success counts once an attempt is taken for lost"
    }
    if result.stopped != nil { return "it was told to end" }
    if planted(.lateSuccessCounts) { return nil }
    if latest != record.number.value { return "attempt \(latest) was started since" }
    if byte.isAlive { return "another attempt was sent to an agent since" }
    if runs[run].isKillRequested { return "the run is being killed" }
    if byte.state != .queued { return "the task is \(byte.state.name)" }
    if !runs[run].parentsAreDone(task, in: runs[run].family(of: task)) {
      return "what it follows is run again"
    }
    return nil
  }

  /// The task was to run again and has not: what it did counts, and the loss does not.
  private mutating func accept(_ lost: AttemptRecord, _ result: AttemptResult) {
    let run = slots[lost.key.run]!
    let task = lost.key.task
    let f = runs[run].family(of: task)
    var history = runs[run].history(of: task)
    history.lost -= 1
    history.deaths = 0
    setHistory(history, of: task, inRun: run)
    var record = lost
    record.take(result)
    record.state = .completed
    let words =
      "it was taken for lost (\(lost.words)); its result came late and counts, as no other attempt had started"
    record.words = record.words.isEmpty ? words : record.words + "; " + words
    effects.append(.attemptUpdated(record))
    runs[run].readyTasks -= 1
    learnDuration(result, of: f, inRun: run)
    if runs[run].families[f].isGenerator {
      setState(.running, of: task, inRun: run)
      beginExpanding(record, inRun: run)
    } else {
      complete(task, inRun: run, stoppedAt: record.stop)
    }
    endIfDone(run)
  }

  /// For `brokenInvariant`.
  func brokenInvariantOfAwaited() -> String? {
    for record in awaited.sorted {
      let what = "awaited attempt \(record.fence)"
      guard let slot = slots[record.key.run], !runs[slot].state.isFinal else {
        return "\(what): its run is final"
      }
      if !record.isAwaited || record.state != .lost { return "\(what): its row says otherwise" }
      if slotsByFence[record.fence.value] != nil { return "\(what) is alive" }
      if isDropped(record.key.task, inRun: slot) { return "\(what): its task is dropped" }
      if runs[slot].history(of: record.key.task).lastNumber < record.number.value {
        return "\(what): its number is not known"
      }
    }
    return nil
  }
}
