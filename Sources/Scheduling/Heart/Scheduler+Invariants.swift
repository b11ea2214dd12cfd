import Protocol

// What must hold after every event, recomputed from the ground: for tests and the simulator, which asks after
// each of many million events. So nothing is allocated (what is counted on the way is on the stack) and nothing
// copied: `runs[slot].bytes[i]` reads one byte, while a method of a run would be given a copy of it.
extension Scheduler {
  /// The first thing found wrong, in words; nil: all holds.
  public func brokenInvariant() -> String? {
    var tasks = 0
    for slot in runs.indices { tasks += runs[slot].bytes.count }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: tasks) { marks in
      marks.initialize(repeating: 0)
      if let wrong = brokenAttempts(marks) { return wrong }
      var known = 0
      var first = 0
      for slot in runs.indices {
        let end = first + runs[slot].bytes.count
        if runs[slot].id.value >= 0 {
          known += 1
          let own = UnsafeMutableBufferPointer(rebasing: marks[first..<end])
          if let wrong = brokenRun(slot, own) { return "run \(runs[slot].id): \(wrong)" }
        }
        first = end
      }
      if known != slots.count { return "\(slots.count) runs are listed, not \(known)" }
      for a in agents.indices {
        if let wrong = brokenAgent(a) { return "agent \(agents[a].name): \(wrong)" }
      }
      return nil
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
      let key = attempts[slot].key
      let task = Int(key.task.value)
      let a = Int(attempts[slot].agent.value)
      let place = Int(attempts[slot].place)
      if slotsByFence[attempts[slot].fence.value] != slot {
        return "fence \(attempts[slot].fence) is not found"
      }
      if place >= agents[a].attempts.count || agents[a].attempts[place] != slot {
        return "attempt \(attempts[slot].fence) is not at its place"
      }
      guard let run = slots[key.run] else { return "attempt \(attempts[slot].fence) belongs to no run" }
      if !runs[run].bytes[task].isAlive {
        return "a live attempt's task \(key.task) of run \(key.run) does not say so"
      }
      var mark = task
      for earlier in 0..<run { mark += runs[earlier].bytes.count }
      if marks[mark] != 0 { return "two attempts of task \(key.task) of run \(key.run) are alive" }
      marks[mark] = 1
    }
    if let wrong = brokenInvariantOfAwaited() { return wrong }
    return count == slotsByFence.count ? nil : "fences and attempts differ in number"
  }

  // MARK: Runs

  private func brokenRun(_ slot: Int, _ marks: Marks) -> String? {
    if slots[runs[slot].id] != slot { return "it is not listed at its place" }
    if runs[slot].aliveAttempts > 0 && runs[slot].state.isFinal {
      return "it is \(runs[slot].state.name) with attempts alive"
    }
    let families = runs[slot].families.count
    let singles = runs[slot].edges.singles.count
    return runs[slot].bytes.withUnsafeBufferPointer { bytes in
      runs[slot].families.withUnsafeBufferPointer { records in
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * families + singles) { counters in
          counters.initialize(repeating: 0)
          let recount = Recount(
            bytes: bytes, families: records, marks: marks,
            remaining: Counters(rebasing: counters[..<families]),
            openParents: Counters(rebasing: counters[families..<2 * families]),
            ofSingles: Counters(rebasing: counters[(2 * families)...]))
          if let wrong = brokenCounts(slot, recount) { return wrong }
          countParents(slot, recount)
          if let wrong = brokenBarriers(slot, recount) { return wrong }
          return brokenQueue(slot, recount)
        }
      }
    }
  }

  /// A run's arrays, and what is counted anew.
  private struct Recount {
    let bytes: UnsafeBufferPointer<TaskByte>
    let families: UnsafeBufferPointer<FamilyRecord>
    let marks: Marks
    /// By family.
    let remaining: Counters
    let openParents: Counters
    /// By single task.
    let ofSingles: Counters
  }

  /// One pass over the tasks' bytes.
  private func brokenCounts(_ slot: Int, _ run: Recount) -> String? {
    var counts = InlineArray<8, Int32>(repeating: 0)
    var expanding: Int32 = 0
    var alive: Int32 = 0
    var histories = 0
    for f in run.families.indices {
      let first = Int(run.families[f].first)
      let count = Int(run.families[f].count)
      let isDropped = run.families[f].isDropped
      var left = Int32(count)
      for i in first..<first + count {
        let byte = run.bytes[i]
        if byte.isAlive {
          alive += 1
          if run.marks[i] == 0 { return "#\(i) says that an attempt is alive" }
        }
        if byte.hasHistory { histories += 1 }
        if isDropped { continue }
        if let fault = byte.fault { return "#\(i) is \(byte.state.name) \(fault)" }
        counts[Int(byte.state.rawValue)] += 1
        if byte.state == .completed { left -= 1 }
        if byte.isExpanding { expanding += 1 }
      }
      run.remaining[f] = left
    }
    for state in runs[slot].counts.indices where runs[slot].counts[state] != counts[state] {
      return "\(runs[slot].counts[state]) tasks of state \(state), not \(counts[state])"
    }
    if runs[slot].expandingTasks != expanding {
      return "expanding: \(runs[slot].expandingTasks), not \(expanding)"
    }
    if runs[slot].aliveAttempts != alive { return "alive: \(runs[slot].aliveAttempts), not \(alive)" }
    if runs[slot].histories.count != histories {
      return "\(runs[slot].histories.count) histories, not \(histories)"
    }
    for task in runs[slot].histories.keys where !run.bytes[Int(task)].hasHistory {
      return "#\(task)'s history and its bit differ"
    }
    return nil
  }

  private func countParents(_ slot: Int, _ run: Recount) {
    for edge in runs[slot].edges.all {
      let parent = Int(edge.parent.family.value)
      if let ordinal = edge.parent.ordinal {
        if run.bytes[Int(run.families[parent].first + ordinal)].state == .completed { continue }
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

  private func brokenBarriers(_ slot: Int, _ run: Recount) -> String? {
    for f in run.families.indices where !run.families[f].isDropped {
      if run.families[f].remaining != run.remaining[f] {
        return "family \(f): remaining \(run.families[f].remaining), not \(run.remaining[f])"
      }
      if run.families[f].openParents != run.openParents[f] {
        return "family \(f): open parents \(run.families[f].openParents), not \(run.openParents[f])"
      }
    }
    for i in run.ofSingles.indices where runs[slot].edges.singles[i].openParents != run.ofSingles[i] {
      let single = runs[slot].edges.singles[i]
      return "#\(single.task): open parents \(single.openParents), not \(run.ofSingles[i])"
    }
    return nil
  }

  /// Whether what is ready is counted, and will be come upon.
  private func brokenQueue(_ slot: Int, _ run: Recount) -> String? {
    var ready: Int32 = 0
    for f in run.families.indices where run.families[f].openParents == 0 && !run.families[f].isDropped {
      let first = Int(run.families[f].first)
      let cursor = first + Int(run.families[f].cursor)
      if !run.families[f].requeued.isEmpty {
        for ordinal in run.families[f].requeued.elements { run.marks[first + Int(ordinal)] = 1 }
      }
      for key in apart where key.run == runs[slot].id && runs[slot].family(of: key.task) == f {
        run.marks[Int(key.task.value)] = 2
      }
      var isAnyQueued = false
      for i in first..<first + Int(run.families[f].count) {
        let byte = run.bytes[i]
        if byte.state != .queued || byte.isAlive || hasOpenParents(TaskIndex(i), inRun: slot) { continue }
        ready += 1
        if run.marks[i] != 2 { isAnyQueued = true }
        if i < cursor && run.marks[i] == 0 { return "#\(i) is ready and was passed over" }
      }
      if isAnyQueued && !run.families[f].isQueued && isDispatchable(slot) {
        return "family \(f): ready tasks are not in the queue"
      }
    }
    return ready == runs[slot].readyTasks ? nil : "ready: \(runs[slot].readyTasks), not \(ready)"
  }

  // MARK: Agents

  private func brokenAgent(_ a: Int) -> String? {
    var free = agents[a].capacity
    var waiting = 0
    var work: Int64 = 0
    var ownLeases: Int32 = 0
    var suspects: Int32 = 0
    for slot in agents[a].attempts {
      if !attempts.holds(slot) || Int(attempts[slot].agent.value) != a { return "\(slot) is not its own" }
      if attempts[slot].lease != .standard { ownLeases += 1 }
      if attempts[slot].isSuspect { suspects += 1 }
      if attempts[slot].phase == .waiting {
        waiting += 1
        work += attempts[slot].work
      } else {
        free -= attempts[slot].needs
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
  /// What no task may say of itself.
  @inline(__always)
  fileprivate var fault: StaticString? {
    switch state {
    case .queued: nil
    case .running: (isAlive || isExpanding) && hasAttempts ? nil : "without an attempt"
    case .killed, .skipped: isAlive ? "with an attempt alive" : nil
    case .retry, .completed, .errored:
      isAlive ? "with an attempt alive" : hasAttempts ? nil : "without an attempt"
    }
  }
}
