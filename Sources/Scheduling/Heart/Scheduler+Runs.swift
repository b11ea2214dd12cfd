import Protocol

// Runs begin, change and end.
extension Scheduler {
  mutating func submit(_ id: RunID, _ graph: PlanGraph) {
    precondition(slots[id] == nil, "run \(id) is known")
    let slot = insert(RunRecord(id: id))
    append(graph.families, at: 0, toRun: slot)
    runs[slot].edges = RunEdges(graph.edges, families: runs[slot].families)
    derive(slot)
    setState(.queued, ofRun: slot)
  }

  /// Families join a run, all QUEUED; their chunks are written with this batch.
  mutating func append(_ families: [Family], at first: Int, toRun slot: Int) {
    var first = Int32(first)
    runs[slot].families.reserveCapacity(runs[slot].families.count + families.count)
    for family in families {
      runs[slot].families.append(FamilyRecord(family, first: first, shape: ready.shape(for: family.needs)))
      first += family.count
    }
    let missing = Int(first) - runs[slot].bytes.count
    var task = runs[slot].bytes.count
    runs[slot].bytes.append(contentsOf: repeatElement(TaskByte(.queued), count: missing))
    while task < first {
      runs[slot].markDirty(TaskIndex(task))
      task = (task / Self.chunkTasks + 1) * Self.chunkTasks
    }
  }

  /// Makes everything derived anew from the tasks' bytes: after a submission, a recovery, and whatever takes
  /// tasks out of a final state. One pass over tasks and edges.
  mutating func derive(_ slot: Int) {
    runs[slot].derive()
    for f in runs[slot].families.indices { open(f, inRun: slot) }
  }

  /// Counts a family's ready tasks, where its barriers are open, and puts it in the queue.
  private mutating func open(_ f: Int, inRun slot: Int) {
    guard !runs[slot].families[f].isDropped, runs[slot].families[f].openParents == 0 else { return }
    var found: Int32 = 0
    for ordinal in 0..<runs[slot].families[f].count where isReady(ordinal, ofFamily: f, inRun: slot) {
      found += 1
    }
    runs[slot].readyTasks += found
    if found > 0 { enqueue(f, inRun: slot) }
  }

  mutating func enqueue(_ f: Int, inRun slot: Int) {
    guard isDispatchable(slot), !runs[slot].families[f].isQueued else { return }
    runs[slot].families[f].isQueued = true
    ready.insert(
      ReadyQueue.Entry(run: runs[slot].id, family: Int32(f)), shape: runs[slot].families[f].shape)
  }

  /// QUEUED, no attempt alive, and no open parent of its own; the family's barriers are the caller's matter.
  @inline(__always)
  func isReady(_ ordinal: Int32, ofFamily f: Int, inRun slot: Int) -> Bool {
    let task = TaskIndex(runs[slot].families[f].first + ordinal)
    let byte = runs[slot].bytes[Int(task.value)]
    return byte.isIn(.queued) && !byte.isAlive && !hasOpenParents(task, inRun: slot)
  }

  /// Parents of its own, beside its family's.
  @inline(__always)
  func hasOpenParents(_ task: TaskIndex, inRun slot: Int) -> Bool {
    // Most runs have none, and a call on the edges would be given a copy of them.
    if runs[slot].edges.singles.isEmpty || planted(.singleEdgeIgnored) { return false }
    return runs[slot].edges.hasOpenParents(task)
  }

  /// A task that was taken out of the queue is QUEUED again.
  mutating func requeue(_ task: TaskIndex, inRun slot: Int) {
    if runs[slot].bytes[Int(task.value)].state != .queued { setState(.queued, of: task, inRun: slot) }
    let f = runs[slot].family(of: task)
    guard runs[slot].parentsAreDone(task, in: f) else { return }
    runs[slot].readyTasks += 1
    runs[slot].families[f].requeued.insert(runs[slot].families[f].ordinal(task))
    enqueue(f, inRun: slot)
  }

  /// A task is COMPLETED: opens what waited for it alone.
  mutating func complete(_ task: TaskIndex, inRun slot: Int, stoppedAt stop: WallTime) {
    setState(.completed, of: task, inRun: slot)
    runs[slot].latestStop = max(runs[slot].latestStop, stop)
    let f = runs[slot].family(of: task)
    runs[slot].families[f].remaining -= 1
    for target in runs[slot].edges.targets(ofTask: task) { close(target, inRun: slot, stoppedAt: stop) }
    if runs[slot].families[f].remaining == 0 {
      // The family's latest stop is not kept: the run's is at or after it.
      for target in runs[slot].edges.targets(ofFamily: f) {
        close(target, inRun: slot, stoppedAt: runs[slot].latestStop)
        if planted(.barrierCountedTwice) { close(target, inRun: slot, stoppedAt: runs[slot].latestStop) }
      }
    }
  }

  private mutating func close(_ target: RunEdges.Target, inRun slot: Int, stoppedAt stop: WallTime) {
    let child = Int(target.family)
    if target.ordinal < 0 {
      runs[slot].families[child].openParents -= 1
      runs[slot].families[child].notBefore = max(runs[slot].families[child].notBefore, stop)
      open(child, inRun: slot)
      return
    }
    let task = runs[slot].families[child].task(target.ordinal)
    let isLast = runs[slot].edges.closeParent(of: task, stoppedAt: stop)
    guard isLast, runs[slot].families[child].openParents == 0,
      isReady(target.ordinal, ofFamily: child, inRun: slot)
    else { return }
    runs[slot].readyTasks += 1
    runs[slot].families[child].requeued.insert(target.ordinal)
    enqueue(child, inRun: slot)
  }

  /// Ends the run where nothing of it lives or can still run.
  mutating func endIfDone(_ slot: Int) {
    guard runs[slot].aliveAttempts == 0, !runs[slot].state.isFinal else { return }
    guard runs[slot].expandingTasks == 0 || planted(.endsWhileExpanding) else { return }
    let end: RunState
    if runs[slot].isKillRequested {
      end = .killed
    } else {
      guard runs[slot].readyTasks == 0, count(.retry, inRun: slot) == 0 else { return }
      if count(.errored, inRun: slot) > 0 {
        end = .errored
      } else if count(.killed, inRun: slot) > 0 {
        end = .killed
      } else {
        end = .completed
      }
    }
    if runs[slot].state == .queued, end != .killed { setState(.running, ofRun: slot) }
    setState(end, ofRun: slot)
  }

  @inline(__always)
  func count(_ state: TaskState, inRun slot: Int) -> Int32 { runs[slot].counts[state] }
}
