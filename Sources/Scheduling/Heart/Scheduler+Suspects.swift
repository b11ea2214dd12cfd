import Protocol

// What kills its agent's process is found by counting deaths. What ran beside it is counted too: so a task that
// one more death would make poison runs at an agent where no other such task is, and the next death tells.
extension Scheduler {
  @inline(__always)
  func isSuspect(_ task: TaskIndex, inRun run: Int) -> Bool {
    runs[run].bytes[Int(task.value)].hasHistory
      && runs[run].histories[task.value]!.deaths + 1 >= settings.poisonDeaths
  }

  /// Whether the death of its agent is another's doing.
  func diedBesideSuspect(_ attempt: LiveAttempt) -> Bool {
    let a = Int(attempt.agent.value)
    if attempt.isSuspect { return false }
    if agents[a].hasLostSuspect { return true }
    if agents[a].suspects == 0 { return false }
    return agents[a].attempts.contains { attempts[$0].isSuspect && attempts[$0].phase == .running }
  }

  /// Whether every agent that may hold this head, a suspect, has a suspect already: then it holds up nobody.
  func mustWaitApart(_ head: Head) -> Bool {
    let needs = ready[head.shape].needs
    var isAnyBusy = false
    for a in agents.indices where takesWork(a) && needs.fits(in: agents[a].capacity) {
      if agents[a].suspects == 0 { return false }
      isAnyBusy = true
    }
    return isAnyBusy
  }

  /// Out of its family's queue until some agent's room changes.
  mutating func setAside(_ head: Head) {
    removeNext(of: head)
    apart.append(TaskKey(runs[head.slot].id, runs[head.slot].families[head.family].task(head.ordinal)))
  }

  mutating func bringBack() {
    for key in apart {
      guard let run = slots[key.run], key.task.value < runs[run].bytes.count else { continue }
      let f = runs[run].family(of: key.task)
      guard !runs[run].families[f].isDropped else { continue }
      let ordinal = runs[run].families[f].ordinal(key.task)
      guard runs[run].families[f].openParents == 0, isReady(ordinal, ofFamily: f, inRun: run) else {
        continue
      }
      runs[run].families[f].requeued.insert(ordinal)
      enqueue(f, inRun: run)
    }
    apart.empty()
  }
}
