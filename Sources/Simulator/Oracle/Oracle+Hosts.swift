import Protocol
import Scheduling

// What really happens on the hosts, and what reaches agents and people.
extension Oracle {
  /// The coordinator sends it to an agent.
  mutating func sent(_ fence: Fence, isAskedBack: Bool) {
    let index = index(of: fence)
    guard case .live = attempts[index].row else {
      return violate("\(words(index)) is sent, and its row is \(attempts[index].row)")
    }
    let r = Int(attempts[index].run)
    attempts[index].familiesWhenSent = Int32(runs[r].families.count)
    if !isAskedBack, !allParents(of: Int(attempts[index].task), inRun: r, { isCompleted($0, inRun: r) }) {
      violate("\(words(index)) is sent, and what it follows is not COMPLETED")
    }
  }

  /// An agent hears that an end is on the coordinator's disk.
  mutating func heardAcknowledgement(_ fence: Fence) {
    let index = index(of: fence)
    if case .live = attempts[index].row {
      violate("the end of \(words(index)) is acknowledged and not committed")
    }
  }

  /// Its agent writes down that it starts it.
  mutating func willStart(_ index: Int, on agent: Int) { attempts[index].agent = agent }

  mutating func couldNotStart(_ index: Int) {
    begin(index)
    attempts[index].hasEnded = true
  }

  /// Its process is there.
  mutating func started(
    _ index: Int, on agent: Int, needs: ResourceVector, capacity: ResourceVector, at time: Int64
  ) {
    begin(index)
    attempts[index].isAlive = true
    attempts[index].startedAt = time
    used[agent] += needs
    if !used[agent].fits(in: capacity) {
      violate("the host of agent \(agent) runs more than it has room for, with \(words(index))")
    }
    let r = Int(attempts[index].run)
    let task = Int(attempts[index].task)
    runs[r].tasks[task].processes += 1
  }

  private mutating func begin(_ index: Int) {
    if case .none = attempts[index].row {
      return violate("\(words(index)) starts and its dispatch was never committed")
    }
    attempts[index].timesStarted += 1
    if attempts[index].timesStarted > 1 { violate("\(words(index)) starts twice") }
    let r = Int(attempts[index].run)
    let task = Int(attempts[index].task)
    if runs[r].tasks[task].newest != index {
      violate("\(words(index)) starts after it was given up and dispatched again")
    }
    let isDone = allParents(of: task, inRun: r) { edge in
      if edge.parent >= attempts[index].familiesWhenSent { return true }
      let parent = runs[r].families[Int(edge.parent)]
      let first = parent.first + max(0, edge.parentOrdinal)
      let end = edge.parentOrdinal < 0 ? parent.first + parent.count : first + 1
      return runs[r].tasks[Int(first)..<Int(end)].allSatisfy(\.hasSucceeded)
    }
    if !isDone { violate("\(words(index)) starts before a parent of it has ended well on any host") }
  }

  mutating func ended(
    _ index: Int, on agent: Int, how: ProcessEnd.How, printed: Int64, needs: ResourceVector, at time: Int64
  ) {
    attempts[index].isAlive = false
    attempts[index].endedAt = time
    attempts[index].hasEnded = true
    attempts[index].how = how
    attempts[index].printed = printed
    used[agent] -= needs
    let r = Int(attempts[index].run)
    let task = Int(attempts[index].task)
    runs[r].tasks[task].processes -= 1
    if how == .exit(code: 0) { runs[r].tasks[task].hasSucceeded = true }
  }

  mutating func terminated(_ index: Int, by cause: SignalCause) {
    if attempts[index].cause == .none { attempts[index].cause = cause }
  }

  /// Its agent wrote down how it ended.
  mutating func spooled(_ fence: Fence) { attempts[index(of: fence)].isSpooled = true }

  /// What the agent wrote down is gone, with its host's power or with its data directory.
  mutating func spoolIsGone(_ agent: Int) {
    for index in attempts.indices where attempts[index].agent == agent { attempts[index].isSpooled = false }
  }

  /// The agent's process is gone, in whatever way.
  mutating func agentDied(_ agent: Int) {
    for index in attempts.indices where attempts[index].agent == agent {
      if case .live = attempts[index].row { attempts[index].hasLostAgent = true }
    }
  }
}
