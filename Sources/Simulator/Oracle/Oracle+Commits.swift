import Protocol
import Scheduling

// What was committed, in the order in which it came about.
extension Oracle {
  /// `host` is only read, here and below. (As a plain argument it would be copied.)
  mutating func committed(_ host: inout CoordinatorHost, _ people: inout People) {
    var nextMark = 0
    for at in host.batch.effects.indices {
      while nextMark < host.batch.marks.count, host.batch.marks[nextMark].before <= at {
        take(host.batch.marks[nextMark].mark, before: at, &host, &people)
        nextMark += 1
      }
      takeEffect(at, &host)
    }
    while nextMark < host.batch.marks.count {
      take(host.batch.marks[nextMark].mark, before: host.batch.effects.count, &host, &people)
      nextMark += 1
    }
    for i in host.batch.submissions.indices {
      people.requests[host.batch.submissions[i]].isCommitted = true
    }
    for i in host.batch.dirty.indices {
      recount(Int(host.batch.dirty[i].id.value), host.state, at: host.batch.handled)
    }
  }

  private mutating func take(
    _ mark: Batch.Mark, before at: Int, _ host: inout CoordinatorHost, _ people: inout People
  ) {
    switch mark {
    case .submitted(let run): addRun(run, host.parts[Int(run.value)].parts[0].graph)
    case .joined(let run, let part, let moved):
      join(Int(run.value), host.parts[Int(run.value)].parts[part], moved)
    case .command(let request):
      for effect in host.batch.effects[at...] {
        if case .answer(let id, let refusal) = effect, Int(id.value) == request {
          people.requests[request].isCommitted = true
          if refusal == nil { obeyed(people.requests[request].command!) }
          return
        }
      }
      violate("a command is not answered")
    }
  }

  private mutating func takeEffect(_ at: Int, _ host: inout CoordinatorHost) {
    switch host.batch.effects[at] {
    case .attemptInserted(let record):
      inserted(record, at: host.batch.handled)
      checkIsHeard(record, &host)
    case .attemptUpdated(let record): updated(record, &host)
    case .attemptDeleted(let key, let number): deleted(key, number)
    case .historyChanged(let key, let history):
      let counted = history?.deaths ?? 0
      runs[Int(key.run.value)].tasks[Int(key.task.value)].countedDeaths = counted
    case .runStateChanged(let run, let state): changed(Int(run.value), to: state)
    case .agentChanged, .partsDropped, .start, .revoke, .kill, .acknowledgeEnd, .welcome, .refuse,
      .closeSession, .answer, .expand:
      break
    }
  }

  // MARK: Runs

  private mutating func changed(_ r: Int, to state: RunState) {
    let old = runs[r].state
    let isLegal =
      switch (old, state) {
      case (.queued, .queued), (.queued, .running), (.queued, .paused), (.queued, .killed): true
      case (.running, .paused), (.running, .completed), (.running, .errored), (.running, .killed): true
      case (.paused, .queued), (.paused, .running), (.paused, .completed), (.paused, .errored),
        (.paused, .killed):
        true
      case (.completed, .queued), (.errored, .queued), (.killed, .queued): true
      default: false
      }
    if !isLegal { violate("run \(r) goes from \(old) to \(state)") }
    setState(state, ofRun: r)
  }

  private mutating func join(_ r: Int, _ part: RunPart, _ moved: [(from: TaskIndex, to: TaskIndex)]) {
    let generator = Int(part.generator!.value)
    if !runs[r].tasks[generator].isExpanding {
      violate("what \(words(Int32(generator), r)) printed joins, and it is not awaited")
    }
    runs[r].tasks[generator].isExpanding = false
    setState(.completed, of: generator, inRun: r)
    add(part.graph, to: r, generator: Int32(generator))
    for (from, to) in moved {
      let number = runs[r].tasks[Int(from.value)].lastNumber
      runs[r].tasks[Int(to.value)].lastNumber = number
      let task = runs[r].tasks[Int(from.value)]
      runs[r].tasks[Int(from.value)] = Task(family: task.family)
      runs[r].tasks[Int(from.value)].state = task.state
    }
  }

  // MARK: Attempts

  private mutating func inserted(_ record: AttemptRecord, at time: Instant) {
    let index = index(of: record.fence)
    let r = Int(record.key.run.value)
    let t = Int(record.key.task.value)
    let task = runs[r].tasks[t]
    attempts[index].run = Int32(r)
    attempts[index].task = Int32(t)
    attempts[index].number = record.number.value
    attempts[index].row = .live
    if task.live >= 0 { violate("\(words(index)) is dispatched while \(words(task.live)) is not over") }
    if task.newest >= index { violate("\(words(index)) has an older fence than \(words(task.newest))") }
    if record.number.value != task.lastNumber + 1 {
      violate("\(words(index)) follows number \(task.lastNumber)")
    }
    switch task.state {
    case .queued: break
    case .retry where time >= task.retryAt: setState(.queued, of: t, inRun: r)
    case .retry: violate("\(words(index)) is dispatched before its interval is over")
    case .running, .completed, .errored, .killed, .skipped:
      violate("\(words(index)) is dispatched, and the task is \(task.state)")
    }
    if runs[r].isKillRequested || isDropped(t, inRun: r)
      || !(runs[r].state == .queued || runs[r].state == .running)
    {
      violate("\(words(index)) is dispatched though its run is killed, paused or over, or the task dropped")
    }
    if !allParents(of: t, inRun: r, { isCompleted($0, inRun: r) }) {
      violate("\(words(index)) is dispatched before all its parents are COMPLETED")
    }
    runs[r].tasks[t].live = index
    runs[r].tasks[t].newest = index
  }

  private mutating func checkIsHeard(_ record: AttemptRecord, _ host: inout CoordinatorHost) {
    let silence = host.batch.handled - host.lastHeard[Int(record.agent.value)]
    let limit = min(settings.suspectAfter.nanoseconds, settings.lease.nanoseconds / 2)
    if silence.nanoseconds > limit + Self.actingTime {
      violate(
        "\(words(index(of: record.fence))) is given to an agent that has been silent for \(silence.nanoseconds / TrueTime.millisecond) ms"
      )
    }
  }

  private mutating func deleted(_ key: TaskKey, _ number: AttemptNumber) {
    let r = Int(key.run.value)
    let t = Int(key.task.value)
    let index = runs[r].tasks[t].live
    guard index >= 0, attempts[index].number == number.value, !attempts[index].isRunning else {
      return violate("attempt \(number) of \(words(Int32(t), r)) is deleted, and did not wait for its start")
    }
    attempts[index].row = .deleted
    runs[r].tasks[t].live = -1
    setState(attempts[index].isKillRequested ? .killed : .queued, of: t, inRun: r)
  }

  private mutating func updated(_ record: AttemptRecord, _ host: inout CoordinatorHost) {
    let index = index(of: record.fence)
    let r = Int(record.key.run.value)
    let t = Int(record.key.task.value)
    if case .ended(.lost) = attempts[index].row { return takeLate(record, index, &host) }
    if runs[r].tasks[t].isExpanding { return generatorFailed(record, index, at: host.batch.handled) }
    guard runs[r].tasks[t].live == index else {
      return violate("\(words(index)) becomes \(record.state), and is not the task's live attempt")
    }
    if record.isKillRequested, !attempts[index].isKillRequested {
      attempts[index].isKillRequested = true
      attempts[index].killedAt = now
    }
    if record.state == .dispatched { return }
    attempts[index].isRunning = true
    runs[r].tasks[t].lastNumber = record.number.value
    if record.state == .running { return setState(.running, of: t, inRun: r) }

    attempts[index].row = .ended(record.state)
    attempts[index].isAwaited = record.isAwaited
    runs[r].tasks[t].live = -1
    let isKilled = attempts[index].isKillRequested || runs[r].isKillRequested
    switch record.state {
    case .dispatched, .running: break
    case .completed:
      checkSuccess(index, &host)
      if runs[r].families[Int(runs[r].tasks[t].family)].isGenerator {
        setState(.running, of: t, inRun: r)
        runs[r].tasks[t].isExpanding = true
      } else {
        setState(.completed, of: t, inRun: r)
      }
    case .failed:
      checkFailure(index)
      failed(t, r, at: host.batch.handled)
    case .killed: setState(.killed, of: t, inRun: r)
    case .lost: lost(index, isKilled: isKilled)
    case .handedBack: setState(.queued, of: t, inRun: r)
    }
    switch record.state {
    case .killed where !isKilled: violate("\(words(index)) is KILLED, and nobody asked for that")
    case .completed where isKilled, .failed where isKilled, .handedBack where isKilled:
      violate("\(words(index)) is \(record.state), and its kill was asked for")
    default: break
    }
  }

  /// It was RUNNING until its output would be expanded: refused, or killed meanwhile.
  private mutating func generatorFailed(_ record: AttemptRecord, _ index: Int, at time: Instant) {
    let r = Int(record.key.run.value)
    let t = Int(record.key.task.value)
    runs[r].tasks[t].isExpanding = false
    attempts[index].row = .ended(record.state)
    switch record.state {
    case .failed: failed(t, r, at: time)
    case .killed: setState(.killed, of: t, inRun: r)
    default: violate("\(words(index)), a generator that ended, becomes \(record.state)")
    }
  }

  private mutating func failed(_ t: Int, _ r: Int, at time: Instant) {
    let family = runs[r].families[Int(runs[r].tasks[t].family)]
    runs[r].tasks[t].failures += 1
    runs[r].tasks[t].retryAt = time + family.retryInterval
    let isOver = runs[r].tasks[t].failures > family.maxRetries
    let again: TaskState = family.retryInterval == .zero ? .queued : .retry
    setState(isOver ? .errored : again, of: t, inRun: r)
  }

  private mutating func lost(_ index: Int, isKilled: Bool) {
    let r = Int(attempts[index].run)
    let t = Int(attempts[index].task)
    runs[r].tasks[t].lost += 1
    if attempts[index].hasLostAgent { runs[r].tasks[t].deaths += 1 }
    if attempts[index].isSpooled, !attempts[index].isAwaited, attempts[index].cause == .none {
      violate("\(words(index)) is lost for good, and its agent has written down how it ended")
    }
    let task = runs[r].tasks[t]
    if task.countedDeaths > task.deaths {
      violate(
        "\(words(index)): \(task.countedDeaths) deaths of agents are counted, there were \(task.deaths)")
    }
    if isKilled {
      setState(.killed, of: t, inRun: r)
    } else if task.countedDeaths >= settings.poisonDeaths || task.lost > settings.maxLost {
      setState(.errored, of: t, inRun: r)
    } else {
      setState(.queued, of: t, inRun: r)
    }
  }

  // MARK: Against the hosts' record

  mutating func checkSuccess(_ index: Int, _ host: inout CoordinatorHost) {
    let attempt = attempts[index]
    guard attempt.hasEnded, attempt.how == .exit(code: 0) else {
      return violate("\(words(index)) is COMPLETED, and its process did not end with 0")
    }
    if host.logs.end(index) != attempt.printed || host.logs.cut(index) != 0 {
      violate(
        "\(words(index)) is COMPLETED with \(host.logs.end(index)) of \(attempt.printed) bytes of its log, \(host.logs.cut(index)) cut away"
      )
    }
  }

  private mutating func checkFailure(_ index: Int) {
    let attempt = attempts[index]
    // Its clock may be a little fast.
    let mayBeLate = attempt.hasTimeLimit && attempt.endedAt - attempt.startedAt > TrueTime.second * 9 / 10
    if !attempt.hasEnded || (attempt.how == .exit(code: 0) && !mayBeLate) {
      violate("\(words(index)) is FAILED, and its process did not fail")
    }
    switch attempt.cause {
    case .lateness where !attempt.hasTimeLimit:
      violate("\(words(index)) is FAILED, and its agent ended it since its lease was over")
    case .none, .asked, .lateness, .shutdown: break
    }
  }
}
