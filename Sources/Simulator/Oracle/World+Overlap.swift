import Protocol

// No two attempts of one task are alive at the same time while the first one's agent could have ended it.
extension World {
  /// After the start of an attempt.
  mutating func lookForOverlap(_ attempt: Int, on a: Int) {
    let r = Int(oracle.attempts[attempt].run)
    let t = Int(oracle.attempts[attempt].task)
    if oracle.runs[r].tasks[t].processes < 2 { return }
    for other in agents.indices {
      for process in agents[other].processes where process.attempt != attempt && !process.isZombie {
        let found = oracle.attempts[process.attempt]
        if found.run == r, found.task == t, couldHaveEnded(other) {
          oracle.violate("\(oracle.words(process.attempt)) and \(oracle.words(attempt)) are alive together")
        }
      }
    }
  }

  /// Whether the agent's process has been able to act for long enough, or its other one is.
  @inline(__always)
  private func couldHaveEnded(_ a: Int) -> Bool {
    if isFrozen(a) { return agents[a].life == .serving && !agents[a].isLinkFrozen }
    return acts(a) && now >= agents[a].frozenUntil + (agents[a].frozenUntil > 0 ? Oracle.actingTime : 0)
  }

  /// Some time after an agent that was stopped continued.
  mutating func auditOverlap(_ a: Int) {
    for process in agents[a].processes where !process.isZombie {
      let attempt = oracle.attempts[process.attempt]
      let task = oracle.runs[Int(attempt.run)].tasks[Int(attempt.task)]
      if task.processes > 1, task.newest != process.attempt, couldHaveEnded(a) {
        oracle.violate("\(oracle.words(process.attempt)) is alive together with another of its task")
      }
    }
  }
}
