import Protocol
import Scheduling

// Processes on agents' hosts: what `ProcessRunner` and the kernel do.
extension World {
  /// Makes the process of an attempt, or says why there is none.
  mutating func fork(_ a: Int, _ start: ToAgent.Start) -> AttemptEvent {
    let wall = agents[a].clock.wall(now)
    let attempt = oracle.index(of: start.fence)
    var random = SeededRandom(seed, oracle.nameOfTask(attempt), UInt64(start.number.value))
    if random.chance(percent: 3) {
      oracle.couldNotStart(attempt)
      return .spawnFailed(start.fence, rc: 127, words: "no such program", at: wall)
    }
    agents[a].lastProcess += 1
    var process = HostProcess(
      number: agents[a].lastProcess, fence: start.fence, attempt: attempt, needs: start.job.needs,
      lease: start.lease)
    // Of its own, so that histories that were found before it was simulated go as they went.
    var fate = SeededRandom(seed &+ 1, oracle.nameOfTask(attempt), UInt64(start.number.value))
    process.isUnborn = fate.chance(percent: 3)
    let lasting = tempo.duration(&random)
    let period = process.isUnborn ? fate.below(2 * TrueTime.millisecond) : lasting
    switch random.below(100) {
    case _ where process.isUnborn: process.how = .exit(code: 127)
    case 0...79: process.how = .exit(code: 0)
    case 80...93: process.how = .exit(code: 1)
    default: process.how = .signal(11)
    }
    switch random.below(10) {
    case _ where process.isUnborn: break
    case 0...6: process.answerToTerm = .signal(15)
    case 7: process.answerToTerm = .exit(code: 0)
    default: break
    }
    if random.chance(percent: 40), !process.isUnborn {
      process.pieceBytes = random.from(1, to: Int64(Names.longestPiece))
      process.piecesLeft = 1 + random.below(2)
      agenda.enter(
        .processPrints, a, at: now + period / Int64(process.piecesLeft), generation: process.number)
    }
    agenda.enter(.processEnds, a, at: now + period, generation: process.number)
    agents[a].processes.append(process)
    oracle.started(attempt, on: a, needs: start.job.needs, capacity: agents[a].capacity, at: now)
    oracle.attempts[attempt].hasTimeLimit = start.job.timeoutSeconds > 0
    lookForOverlap(attempt, on: a)
    if isLogging { note("\(agents[a].name) starts \(oracle.words(attempt)) for \(period / 1_000) µs") }
    return .processStarted(start.fence, at: wall)
  }

  @inline(__always)
  private func find(_ a: Int, _ number: Int32) -> Int? {
    agents[a].processes.firstIndex { $0.number == number }
  }

  mutating func processPrints(_ a: Int, _ number: Int32) -> Bool {
    guard let p = find(a, number), !agents[a].processes[p].isZombie else { return false }
    print(a, p)
    if agents[a].processes[p].isOrphan || !acts(a) { return true }
    read(a, p)
    endOfTurn(a)
    return true
  }

  private mutating func print(_ a: Int, _ p: Int) {
    agents[a].processes[p].piecesLeft -= 1
    agents[a].processes[p].printed += agents[a].processes[p].pieceBytes
  }

  /// The agent reads what is in the pipe.
  private mutating func read(_ a: Int, _ p: Int) {
    let process = agents[a].processes[p]
    var at = agents[a].output(process.fence)
    if at == nil {
      if process.printed == 0 { return }
      agents[a].outputs.append(KeptOutput(fence: process.fence))
      at = agents[a].outputs.count - 1
    }
    agents[a].outputs[at!].total = process.printed
    if agents[a].link != .welcome { agents[a].outputs[at!].moveToFile() }
  }

  mutating func processEnds(_ a: Int, _ number: Int32) -> Bool {
    guard let p = find(a, number), !agents[a].processes[p].isZombie else { return false }
    end(a, p)
    if acts(a) {
      let life = agents[a].lifeNumber
      reap(a)
      if agents[a].lifeNumber == life { endOfTurn(a) }
    }
    return true
  }

  /// What it still had to print, it prints.
  private mutating func end(_ a: Int, _ p: Int) {
    if agents[a].processes[p].piecesLeft > 0, case .exit = agents[a].processes[p].how { print(a, p) }
    let process = agents[a].processes[p]
    oracle.ended(
      process.attempt, on: a, how: process.how, printed: process.printed, needs: process.needs, at: now)
    if isLogging { note("\(agents[a].name): \(oracle.words(process.attempt)) ends, \(process.how)") }
    if process.isOrphan {
      agents[a].processes.remove(at: p)
    } else {
      agents[a].processes[p].isZombie = true
    }
  }

  /// The agent takes note of all that ended.
  mutating func reap(_ a: Int) {
    let life = agents[a].lifeNumber
    while let p = agents[a].processes.firstIndex(where: { $0.isZombie }) {
      read(a, p)
      let process = agents[a].processes.remove(at: p)
      if let at = agents[a].output(process.fence) { agents[a].outputs[at].end() }
      let stop = agents[a].clock.wall(now)
      if process.isUnborn, case .exit(let code) = process.how {
        tell(a, .spawnFailed(process.fence, rc: code, words: "no such program", at: stop))
      } else {
        let end = ProcessEnd(how: process.how, stop: stop, stdoutBytes: process.printed)
        tell(a, .processEnded(process.fence, end))
      }
      if agents[a].lifeNumber != life { return }
    }
  }

  // MARK: Signals

  mutating func signal(_ a: Int, _ fence: Fence, _ signal: AttemptEffect.Signal) {
    guard let p = agents[a].processes.firstIndex(where: { $0.fence == fence }),
      !agents[a].processes[p].isZombie
    else { return }
    switch signal {
    case .terminate:
      oracle.terminated(agents[a].processes[p].attempt, by: signalCause)
      guard !agents[a].processes[p].hasSeenTerm, let how = agents[a].processes[p].answerToTerm else { return }
      agents[a].processes[p].hasSeenTerm = true
      agents[a].processes[p].how = how
      endSoon(a, p, within: 50 * TrueTime.millisecond)
    case .kill:
      agents[a].processes[p].how = .signal(9)
      endSoon(a, p, within: 5 * TrueTime.millisecond)
    }
  }

  /// Its number is given anew, so that what it had before it means nothing any more.
  private mutating func endSoon(_ a: Int, _ p: Int, within period: Int64) {
    agents[a].lastProcess += 1
    agents[a].processes[p].number = agents[a].lastProcess
    agenda.enter(
      .processEnds, a, at: now + agents[a].random.below(period), generation: agents[a].lastProcess)
  }

  /// At its agent's death: most go with it, by their death signal; what they had started may stay.
  mutating func orphan(_ a: Int) {
    var p = 0
    while p < agents[a].processes.count {
      if agents[a].processes[p].isZombie {
        agents[a].processes.remove(at: p)
      } else if agents[a].random.chance(percent: 70) {
        killNow(a, p)
      } else {
        agents[a].processes[p].isOrphan = true
        p += 1
      }
    }
  }

  /// The agent's other process ends it; the agent itself takes note when it can.
  mutating func killByLink(_ a: Int, _ p: Int) {
    oracle.terminated(agents[a].processes[p].attempt, by: .lateness)
    agents[a].processes[p].how = .signal(9)
    end(a, p)
  }

  /// It is gone, and nobody takes note.
  mutating func removeNow(_ a: Int, _ p: Int) {
    if agents[a].processes[p].isZombie { agents[a].processes.remove(at: p) } else { killNow(a, p) }
  }

  /// SIGKILL, and gone at once.
  mutating func killNow(_ a: Int, _ p: Int) {
    agents[a].processes[p].isOrphan = true
    agents[a].processes[p].how = .signal(9)
    end(a, p)
  }
}
