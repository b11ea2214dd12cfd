import Protocol

// What people ask of runs and tasks.
extension Scheduler {
  /// nil: done.
  mutating func obey(_ command: RunCommand) -> Refusal? {
    guard let slot = slots[command.run] else {
      return Refusal(.notFound, "there is no run \(command.run)")
    }
    defer { if runs[slot].state.isFinal { expectEviction(of: command.run) } }
    // Who asked saw it; a command before this one dropped it.
    if let task = command.task, isDropped(task, inRun: slot) {
      return Refusal(
        .notFound, "the generator that made this task runs again: it is no longer part of the run")
    }
    switch command {
    case .kill: return kill(slot)
    case .killTask(_, let task): return kill(task, inRun: slot)
    case .pause: return pause(slot)
    case .queue: return runs[slot].state == .paused ? resume(slot) : restart(slot)
    case .queueTask(_, let task, let downstream): return runAgain(task, inRun: slot, downstream: downstream)
    }
  }

  private func refuse(_ slot: Int, _ what: String, works: String) -> Refusal {
    let state =
      runs[slot].state.name
      + (runs[slot].isKillRequested && !runs[slot].state.isFinal ? ", being killed" : "")
    return Refusal(.conflict, "run \(runs[slot].id) is \(state): \(what); it works \(works)")
  }

  // MARK: Runs

  private mutating func kill(_ slot: Int) -> Refusal? {
    switch runs[slot].state {
    case .killed: return nil
    case .completed, .errored:
      return refuse(slot, "it cannot be killed", works: "while it is QUEUED, RUNNING or PAUSED")
    case .queued, .running, .paused: break
    }
    if runs[slot].isKillRequested { return nil }
    runs[slot].isKillRequested = true
    touch(slot)
    if count(.retry, inRun: slot) > 0 || runs[slot].expandingTasks > 0 {
      for i in runs[slot].bytes.indices {
        let task = TaskIndex(i)
        if isDropped(task, inRun: slot) { continue }
        if runs[slot].bytes[i].state == .retry && !planted(.killLeavesRetry) {
          setState(.killed, of: task, inRun: slot)
        }
        if runs[slot].bytes[i].isExpanding { killExpanding(task, inRun: slot) }
      }
    }
    for attempt in attempts.used.filter({ attempts[$0].key.run == runs[slot].id }) { killAlive(attempt) }
    endIfDone(slot)
    return nil
  }

  private mutating func pause(_ slot: Int) -> Refusal? {
    if runs[slot].state == .paused && !runs[slot].isKillRequested { return nil }
    guard isDispatchable(slot) else {
      return refuse(slot, "it cannot be paused", works: "while it is QUEUED or RUNNING")
    }
    setState(.paused, ofRun: slot)
    for attempt in attempts.used where attempts[attempt].key.run == runs[slot].id { sendRevoke(attempt) }
    endIfDone(slot)
    return nil
  }

  private mutating func resume(_ slot: Int) -> Refusal? {
    if runs[slot].isKillRequested {
      return refuse(slot, "it cannot be resumed", works: "once it is KILLED (then it starts again)")
    }
    setState(runs[slot].hasStarted ? .running : .queued, ofRun: slot)
    derive(slot)
    endIfDone(slot)
    return nil
  }

  private mutating func restart(_ slot: Int) -> Refusal? {
    guard runs[slot].state == .errored || runs[slot].state == .killed else {
      return refuse(
        slot, runs[slot].state == .completed ? "nothing of it is left to run" : "it cannot be restarted",
        works: "once it is ERRORED or KILLED (or PAUSED: then it resumes)")
    }
    for i in runs[slot].bytes.indices where runs[slot].bytes[i].state != .completed {
      let task = TaskIndex(i)
      if isDropped(task, inRun: slot) { continue }
      if runs[slot].bytes[i].state != .queued { setState(.queued, of: task, inRun: slot) }
      if !planted(.restartKeepsBudgets) { forgetBudgets(of: task, inRun: slot) }
    }
    begin(slot)
    return nil
  }

  /// A final run goes through QUEUED again.
  private mutating func begin(_ slot: Int) {
    runs[slot].isKillRequested = false
    runs[slot].hasStarted = false
    setState(.queued, ofRun: slot)
    derive(slot)
    endIfDone(slot)
  }

  // MARK: Tasks

  private mutating func kill(_ task: TaskIndex, inRun slot: Int) -> Refusal? {
    let byte = runs[slot].bytes[Int(task.value)]
    if byte.state == .killed { return nil }
    if byte.state.isFinal {
      return Refusal(
        .conflict,
        "the task is \(byte.state.name): it cannot be killed; it works while it is QUEUED, RUNNING or RETRY")
    }
    if runs[slot].state.isFinal {
      return refuse(
        slot, "a task of it cannot be killed", works: "while the run is QUEUED, RUNNING or PAUSED")
    }
    if byte.isAlive {
      let attempt = attempts.slot(of: TaskKey(runs[slot].id, task))!
      if attempts[attempt].isKillRequested { return nil }
      attempts[attempt].isKillRequested = true
      effects.append(.attemptUpdated(attempts[attempt].record))
      killAlive(attempt)
      return nil
    }
    if byte.isExpanding {
      killExpanding(task, inRun: slot)
    } else {
      let f = runs[slot].family(of: task)
      if byte.state == .queued, runs[slot].parentsAreDone(task, in: f) { runs[slot].readyTasks -= 1 }
      setState(.killed, of: task, inRun: slot)
    }
    endIfDone(slot)
    return nil
  }

  private mutating func runAgain(_ task: TaskIndex, inRun slot: Int, downstream: Bool) -> Refusal? {
    let state = runs[slot].bytes[Int(task.value)].state
    guard state.isFinal else {
      return Refusal(
        .conflict, "the task is \(state.name): it can be run again once it is COMPLETED, ERRORED or KILLED")
    }
    if runs[slot].isKillRequested && !runs[slot].state.isFinal {
      return refuse(slot, "a task of it cannot be run again", works: "once it is KILLED")
    }
    let tasks = downstream ? withDescendants(of: task, inRun: slot) : [task]
    let generators = tasks.filter { runs[slot].families[runs[slot].family(of: $0)].isGenerator }
    var made = Set<Int>()
    for generator in generators { made.formUnion(familiesMade(by: generator, inRun: slot)) }
    for f in made.sorted() {
      let family = runs[slot].families[f]
      for ordinal in 0..<family.count where isBusy(family.task(ordinal), inRun: slot) {
        return Refusal(
          .conflict,
          "a task that it generated is still RUNNING or in RETRY: kill it or wait for its end first")
      }
    }
    if tasks.contains(where: { isBusy($0, inRun: slot) }) {
      return Refusal(
        .conflict, "a task that follows it is RUNNING or in RETRY: kill it or wait for its end first")
    }
    stopAwaiting(tasks, families: made, inRun: slot)
    if !made.isEmpty {
      for f in made.sorted() { runs[slot].families[f].isDropped = true }
      let before = runs[slot].edges
      runs[slot].edges = RunEdges(before.all, families: runs[slot].families, before: before)
    }
    for generator in generators {
      effects.append(.partsDropped(runs[slot].id, generator: generator))
    }
    for task in tasks where !isDropped(task, inRun: slot) {
      if runs[slot].bytes[Int(task.value)].state.isFinal { setState(.queued, of: task, inRun: slot) }
      forgetBudgets(of: task, inRun: slot)
    }
    if runs[slot].state.isFinal {
      begin(slot)
    } else {
      derive(slot)
      askBackWhatComesLater(inRun: slot)
      endIfDone(slot)
    }
    return nil
  }

  /// What was sent and has not started, and follows what is to run again.
  private mutating func askBackWhatComesLater(inRun slot: Int) {
    for attempt in attempts.used
    where attempts[attempt].key.run == runs[slot].id && comesLater(attempt, inRun: slot) {
      sendRevoke(attempt)
    }
  }

  func comesLater(_ attempt: Int32, inRun slot: Int) -> Bool {
    attempts[attempt].phase != .running
      && !runs[slot].parentsAreDone(attempts[attempt].key.task, in: Int(attempts[attempt].family))
  }

  private func isBusy(_ task: TaskIndex, inRun slot: Int) -> Bool {
    let byte = runs[slot].bytes[Int(task.value)]
    return byte.isAlive || byte.state == .running || byte.state == .retry
  }

  /// The task and all that comes after it, in the order of the dense index.
  private func withDescendants(of task: TaskIndex, inRun slot: Int) -> [TaskIndex] {
    let run = runs[slot]
    var seen: Set<TaskIndex> = [task]
    var wholeFamilies = Set<Int>()
    var open = [task]
    while let next = open.popLast() {
      let f = run.family(of: next)
      var targets = Array(run.edges.targets(ofTask: next))
      if wholeFamilies.insert(f).inserted { targets += run.edges.targets(ofFamily: f) }
      for target in targets {
        let family = run.families[Int(target.family)]
        let ordinals = target.ordinal < 0 ? 0..<family.count : target.ordinal..<target.ordinal + 1
        for ordinal in ordinals where seen.insert(family.task(ordinal)).inserted {
          open.append(family.task(ordinal))
        }
      }
    }
    return seen.sorted()
  }

  private mutating func forgetBudgets(of task: TaskIndex, inRun slot: Int) {
    guard runs[slot].bytes[Int(task.value)].hasHistory else { return }
    var history = TaskHistory()
    history.lastNumber = runs[slot].history(of: task).lastNumber
    setHistory(history, of: task, inRun: slot)
  }

  func isDropped(_ task: TaskIndex, inRun slot: Int) -> Bool {
    runs[slot].families[runs[slot].family(of: task)].isDropped
  }

  // MARK: Telling agents

  mutating func sendKill(_ slot: Int32) {
    let attempt = attempts[slot]
    guard let session = listedSession(of: attempt.agent) else { return }
    effects.append(.kill(attempt.agent, session, attempt.fence, reason: "killed by request"))
  }

  mutating func sendRevoke(_ slot: Int32) {
    guard attempts[slot].phase != .running else { return }
    attempts[slot].isRevoking = true
    guard let session = listedSession(of: attempts[slot].agent) else { return }
    effects.append(.revoke(attempts[slot].agent, session, attempts[slot].fence))
  }

  /// nil: what is to be said is said when the agent has listed what it has.
  private func listedSession(of agent: AgentID) -> SessionID? {
    let record = agents[Int(agent.value)]
    return record.isListed ? record.session : nil
  }
}

extension RunCommand {
  fileprivate var task: TaskIndex? {
    switch self {
    case .kill, .pause, .queue: nil
    case .killTask(_, let task), .queueTask(_, let task, _): task
    }
  }

  public var run: RunID {
    switch self {
    case .kill(let run), .killTask(let run, _), .pause(let run), .queue(let run), .queueTask(let run, _, _):
      run
    }
  }
}
