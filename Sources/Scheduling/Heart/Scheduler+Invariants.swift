import Protocol

// What must hold after every event, recomputed from the ground: for tests and the simulator, which asks after
// each of many million events. So nothing is allocated (what is counted on the way is on the stack) and nothing
// copied: `runs[slot].bytes[i]` reads one byte, while a method of a run would be given a copy of it.
extension Scheduler {
  /// The first thing found wrong, in words; nil: all holds.
  public func brokenInvariant() -> String? {
    var tasks = 0
    var counters = 0
    for slot in runs.indices {
      tasks += runs[slot].bytes.count
      counters = max(counters, 3 * runs[slot].families.count + runs[slot].edges.singles.count)
    }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: tasks) { marks in
      marks.initialize(repeating: 0)
      if let wrong = brokenAttempts(marks) ?? brokenAgents() { return wrong }
      return withUnsafeTemporaryAllocation(of: Int32.self, capacity: counters) { brokenRuns(marks, $0) }
    }
  }

  /// Beside each task, whether an attempt of it is alive, or later whether it waits to be dispatched again.
  private typealias Marks = UnsafeMutableBufferPointer<UInt8>
  private typealias Counters = UnsafeMutableBufferPointer<Int32>

  // MARK: Attempts

  private func brokenAttempts(_ marks: Marks) -> String? {
    var count = 0
    for slot in attempts.slots where attempts.holds(slot) {
      count += 1
      let attempt = attempts[slot]
      let task = Int(attempt.key.task.value)
      let a = Int(attempt.agent.value)
      let place = Int(attempt.place)
      if slotsByFence[attempt.fence.value] != slot { return "fence \(attempt.fence) is not found" }
      if place >= agents[a].attempts.count || agents[a].attempts[place] != slot {
        return "attempt \(attempt.fence) is not at its place"
      }
      guard let run = slots[attempt.key.run] else { return "attempt \(attempt.fence) belongs to no run" }
      if !runs[run].bytes[task].isAlive {
        return "a live attempt's task \(attempt.key.task) of run \(attempt.key.run) does not say so"
      }
      var mark = task
      for earlier in 0..<run { mark += runs[earlier].bytes.count }
      if marks[mark] != 0 {
        return "two attempts of task \(attempt.key.task) of run \(attempt.key.run) are alive"
      }
      marks[mark] = 1
    }
    if !awaited.isEmpty, let wrong = brokenInvariantOfAwaited() { return wrong }
    return count == slotsByFence.count ? nil : "fences and attempts differ in number"
  }

  // MARK: Runs

  private func brokenRuns(_ marks: Marks, _ counters: Counters) -> String? {
    var known = 0
    var first = 0
    for slot in runs.indices {
      let tasks = runs[slot].bytes.count
      if runs[slot].id.value >= 0 {
        known += 1
        let own = Marks(start: marks.baseAddress.map { $0 + first }, count: tasks)
        if let wrong = brokenRun(slot, own, counters) { return "run \(runs[slot].id): \(wrong)" }
      }
      first += tasks
    }
    return known == slots.count ? nil : "\(slots.count) runs are listed, not \(known)"
  }

  @inline(__always)
  private func brokenRun(_ slot: Int, _ marks: Marks, _ counters: Counters) -> String? {
    if slots[runs[slot].id] != slot { return "it is not listed at its place" }
    if runs[slot].aliveAttempts > 0 && runs[slot].state.isFinal {
      return "it is \(runs[slot].state.name) with attempts alive"
    }
    let families = runs[slot].families.count
    let singles = runs[slot].edges.singles.count
    counters.update(repeating: 0)
    func part(_ first: Int, _ count: Int) -> Counters {
      Counters(start: counters.baseAddress.map { $0 + first }, count: count)
    }
    return runs[slot].bytes.withUnsafeBufferPointer { bytes in
      runs[slot].families.withUnsafeBufferPointer { records in
        let recount = Recount(
          bytes: bytes, families: records, marks: marks, remaining: part(0, families),
          openParents: part(families, families), idle: part(2 * families, families),
          ofSingles: part(3 * families, singles))
        if let wrong = brokenCounts(slot, recount) { return wrong }
        countParents(slot, recount)
        return brokenFamilies(slot, recount)
      }
    }
  }

  /// A run's arrays, and what is counted anew.
  private struct Recount {
    let bytes: UnsafeBufferPointer<TaskByte>
    let families: UnsafeBufferPointer<FamilyRecord>
    let marks: Marks
    // By family.
    let remaining: Counters
    let openParents: Counters
    /// Tasks that are QUEUED, with no attempt alive.
    let idle: Counters
    /// By single task.
    let ofSingles: Counters
  }

  /// One pass over the tasks' bytes. What is wrong is only noted on the way, and looked for where there is any.
  private func brokenCounts(_ slot: Int, _ run: Recount) -> String? {
    var counts = TaskCounts()
    var expanding: Int32 = 0
    var alive: Int32 = 0
    var histories = 0
    var isAnyWrong = false
    for f in run.families.indices {
      let isDropped = run.families[f].isDropped
      let before = counts
      var idle: Int32 = 0
      var i = Int(run.families[f].first)
      let end = i + Int(run.families[f].count)
      while i < end {
        // Neighbours are mostly alike: then one look does for all of them.
        let byte = run.bytes[i]
        let first = i
        repeat {
          if byte.isAlive, run.marks[i] == 0 { isAnyWrong = true }
          i += 1
        } while i < end && run.bytes[i].raw == byte.raw
        let alike = Int32(i - first)
        if byte.hasHistory { histories += Int(alike) }
        if byte.isAlive { alive += alike }
        if isDropped { continue }
        counts.add(byte, alike)
        if byte.isExpanding { expanding += alike }
        if byte.isIn(.queued) && !byte.isAlive { idle += alike }
        if !byte.isSound { isAnyWrong = true }
      }
      run.remaining[f] = run.families[f].count - (counts[.completed] - before[.completed])
      run.idle[f] = idle
    }
    if isAnyWrong, let wrong = brokenByte(run) { return wrong }
    if let state = runs[slot].counts.firstDifference(from: counts) {
      return "\(runs[slot].counts[state]) tasks are \(state.name), not \(counts[state])"
    }
    if runs[slot].expandingTasks != expanding {
      return "expanding: \(runs[slot].expandingTasks), not \(expanding)"
    }
    if runs[slot].aliveAttempts != alive { return "alive: \(runs[slot].aliveAttempts), not \(alive)" }
    if runs[slot].histories.count != histories {
      return "\(runs[slot].histories.count) histories, not \(histories)"
    }
    if histories > 0 {
      for task in runs[slot].histories.keys where !run.bytes[Int(task)].hasHistory {
        return "#\(task)'s history and its bit differ"
      }
    }
    return nil
  }

  @inline(never)
  private func brokenByte(_ run: Recount) -> String? {
    for f in run.families.indices {
      let first = Int(run.families[f].first)
      for i in first..<first + Int(run.families[f].count) {
        let byte = run.bytes[i]
        if byte.isAlive && run.marks[i] == 0 { return "#\(i) says that an attempt is alive" }
        if !run.families[f].isDropped, !byte.isSound { return "#\(i) is \(byte.state.name) \(byte.fault)" }
      }
    }
    return nil
  }

  private func countParents(_ slot: Int, _ run: Recount) {
    for edge in runs[slot].edges.all {
      let parent = Int(edge.parent.family.value)
      if let ordinal = edge.parent.ordinal {
        if run.bytes[Int(run.families[parent].first + ordinal)].isIn(.completed) { continue }
      } else if run.remaining[parent] == 0 {
        continue
      }
      let child = Int(edge.child.family.value)
      if let ordinal = edge.child.ordinal {
        let task = TaskIndex(run.families[child].first + ordinal)
        run.ofSingles[runs[slot].edges.place(of: task)!] += 1
      } else {
        run.openParents[child] += 1
      }
    }
  }

  private func brokenFamilies(_ slot: Int, _ run: Recount) -> String? {
    var ready: Int32 = 0
    for f in run.families.indices where !run.families[f].isDropped {
      if run.families[f].remaining != run.remaining[f] {
        return "family \(f): remaining \(run.families[f].remaining), not \(run.remaining[f])"
      }
      if run.families[f].openParents != run.openParents[f] {
        return "family \(f): open parents \(run.families[f].openParents), not \(run.openParents[f])"
      }
      if run.openParents[f] == 0, run.idle[f] > 0, let wrong = brokenQueue(of: f, slot, run, &ready) {
        return wrong
      }
    }
    for i in run.ofSingles.indices where runs[slot].edges.singles[i].openParents != run.ofSingles[i] {
      let single = runs[slot].edges.singles[i]
      return "#\(single.task): open parents \(single.openParents), not \(run.ofSingles[i])"
    }
    return ready == runs[slot].readyTasks ? nil : "ready: \(runs[slot].readyTasks), not \(ready)"
  }

  /// Whether what is ready of a family is counted, and will be come upon.
  private func brokenQueue(of f: Int, _ slot: Int, _ run: Recount, _ ready: inout Int32) -> String? {
    let first = Int(run.families[f].first)
    let cursor = first + Int(run.families[f].cursor)
    if !run.families[f].requeued.isEmpty {
      for ordinal in run.families[f].requeued.elements { run.marks[first + Int(ordinal)] = 1 }
    }
    for key in apart where key.run == runs[slot].id && runs[slot].family(of: key.task) == f {
      run.marks[Int(key.task.value)] = 2
    }
    let hasSingles = !run.ofSingles.isEmpty
    var isAnyQueued = false
    for i in first..<first + Int(run.families[f].count) {
      let byte = run.bytes[i]
      if !byte.isIn(.queued) || byte.isAlive { continue }
      if hasSingles, hasOpenParents(TaskIndex(i), inRun: slot) { continue }
      ready += 1
      if run.marks[i] != 2 { isAnyQueued = true }
      if i < cursor && run.marks[i] == 0 { return "#\(i) is ready and was passed over" }
    }
    if isAnyQueued && !run.families[f].isQueued && isDispatchable(slot) {
      return "family \(f): ready tasks are not in the queue"
    }
    return nil
  }

  // MARK: Agents

  private func brokenAgents() -> String? {
    var waiting = 0
    for a in agents.indices {
      if let wrong = brokenAgent(a) { return "agent \(agents[a].name): \(wrong)" }
      waiting += agents[a].waiting.count
    }
    if waiting != waitingCount { return "\(waitingCount) attempts wait, not \(waiting)" }
    return nextDeadline == deadline() ? nil : "the next deadline is not kept up"
  }

  private func brokenAgent(_ a: Int) -> String? {
    var free = agents[a].capacity
    var waiting = 0
    var work: Int64 = 0
    var ownLeases: Int32 = 0
    var suspects: Int32 = 0
    for slot in agents[a].attempts {
      if !attempts.holds(slot) { return "\(slot) is not its own" }
      let attempt = attempts[slot]
      if Int(attempt.agent.value) != a { return "\(slot) is not its own" }
      if attempt.lease != .standard { ownLeases += 1 }
      if attempt.isSuspect { suspects += 1 }
      if attempt.phase == .waiting {
        waiting += 1
        work += attempt.work
      } else {
        free -= attempt.needs
      }
    }
    if free != agents[a].free { return "free is \(agents[a].free.lanes), not \(free.lanes)" }
    if waiting != agents[a].waiting.count { return "\(agents[a].waiting.count) wait, not \(waiting)" }
    for (i, slot) in agents[a].waiting.enumerated() {
      if attempts[slot].phase != .waiting || Int(attempts[slot].agent.value) != a {
        return "\(slot) is listed as waiting, and is not"
      }
      if agents[a].waiting[..<i].contains(slot) { return "\(slot) is listed twice as waiting" }
    }
    if ownLeases != agents[a].ownLeases { return "\(agents[a].ownLeases) leases are own, not \(ownLeases)" }
    if suspects != agents[a].suspects { return "\(agents[a].suspects) suspects, not \(suspects)" }
    if suspects > 1 { return "\(suspects) suspects run beside each other" }
    return work == agents[a].waitingWork ? nil : "its waiting work is \(agents[a].waitingWork), not \(work)"
  }
}

extension TaskByte {
  /// Whether it says nothing that no task may say of itself.
  @inline(__always)
  fileprivate var isSound: Bool {
    let isRunning = isIn(.running)
    let hasEnded = isIn(.retry) || isIn(.completed) || isIn(.errored)
    if isAlive && (hasEnded || isIn(.killed) || isIn(.skipped)) { return false }
    if isRunning && !isAlive && !isExpanding { return false }
    return hasAttempts || !(isRunning || hasEnded)
  }

  /// What it says that it may not.
  fileprivate var fault: String {
    state != .running && isAlive ? "with an attempt alive" : "without an attempt"
  }
}
