import Protocol

// A generator ends in two steps: its end is written down and acknowledged while the task is still RUNNING, a
// worker expands the stored output, and the families join here. After a crash the second step is done again.
extension Scheduler {
  mutating func beginExpanding(_ record: AttemptRecord, inRun slot: Int) {
    let task = record.key.task
    runs[slot].bytes[Int(task.value)].isExpanding = true
    runs[slot].expandingTasks += 1
    runs[slot].markDirty(task)
    touch(slot)
    expanding[record.key] = record
    effects.append(.expand(record.key, record.number, record.fence))
  }

  mutating func expanded(_ key: TaskKey, _ fence: Fence, _ outcome: GeneratorOutcome, at now: Instant) {
    // Killed meanwhile, or the same answer twice: the output is dropped.
    guard isExpanding(key, fence), let slot = slots[key.run] else { return }
    var record = endExpanding(key.task, inRun: slot)
    switch outcome {
    case .refused(let words):
      record.words = words
      fail(&record, inRun: slot, at: now)
    case .added(let firstFamily, let firstTask, let graph, let moved):
      precondition(
        Int(firstFamily.value) == runs[slot].families.count && Int(firstTask.value) == runs[slot].bytes.count,
        "a part joins run \(key.run) at \(firstFamily) and \(firstTask), not at its end")
      append(graph.families, at: Int(firstTask.value), toRun: slot)
      for f in Int(firstFamily.value)..<runs[slot].families.count {
        runs[slot].families[f].notBefore = max(runs[slot].latestStop, record.stop)
        runs[slot].families[f].generator = key.task
      }
      for (from, to) in moved where runs[slot].bytes[Int(from.value)].hasAttempts {
        moveAttempts(from, to, inRun: slot)
      }
      let before = runs[slot].edges
      runs[slot].edges = RunEdges(before.all + graph.edges, families: runs[slot].families, before: before)
      setState(.completed, of: key.task, inRun: slot)
      runs[slot].latestStop = max(runs[slot].latestStop, record.stop)
      derive(slot)
    }
    endIfDone(slot)
  }

  /// A name that was there before comes again: its attempts' numbers go on, its budgets begin anew.
  private mutating func moveAttempts(_ from: TaskIndex, _ to: TaskIndex, inRun slot: Int) {
    var history = TaskHistory()
    history.lastNumber = runs[slot].history(of: from).lastNumber
    // As the store does: the row goes along, and is changed at its new place.
    runs[slot].histories[to.value] = runs[slot].histories.removeValue(forKey: from.value)
    runs[slot].bytes[Int(to.value)].hasHistory = runs[slot].bytes[Int(from.value)].hasHistory
    runs[slot].bytes[Int(from.value)].hasHistory = false
    runs[slot].bytes[Int(to.value)].hasAttempts = true
    runs[slot].bytes[Int(from.value)].hasAttempts = false
    runs[slot].markDirty(to)
    runs[slot].markDirty(from)
    setHistory(history, of: to, inRun: slot)
  }

  /// A person's kill comes between: the task ends KILLED, its rc is kept.
  mutating func killExpanding(_ task: TaskIndex, inRun slot: Int) {
    var record = endExpanding(task, inRun: slot)
    record.state = .killed
    record.words = "killed by request: what it printed is dropped"
    effects.append(.attemptUpdated(record))
    setState(.killed, of: task, inRun: slot)
  }

  /// Families that the generator made, those made by what it made included.
  func familiesMade(by generator: TaskIndex, inRun slot: Int) -> [Int] {
    var made: [Int] = []
    var makers: Set<TaskIndex> = [generator]
    for (f, family) in runs[slot].families.enumerated() where !family.isDropped {
      guard let maker = family.generator, makers.contains(maker) else { continue }
      made.append(f)
      if family.isGenerator { for ordinal in 0..<family.count { makers.insert(family.task(ordinal)) } }
    }
    return made
  }

  private mutating func endExpanding(_ task: TaskIndex, inRun slot: Int) -> AttemptRecord {
    runs[slot].bytes[Int(task.value)].isExpanding = false
    runs[slot].expandingTasks -= 1
    runs[slot].markDirty(task)
    touch(slot)
    return expanding.removeValue(forKey: TaskKey(runs[slot].id, task))!
  }
}
