import Protocol
import Scheduling

// What people asked for and was granted.
extension Oracle {
  mutating func obeyed(_ command: RunCommand) {
    let r = Int(command.run.value)
    switch command {
    case .kill:
      if runs[r].state.isFinal { return }
      runs[r].isKillRequested = true
      runs[r].killedAt = now
      for t in runs[r].tasks.indices where runs[r].tasks[t].state == .retry && !isDropped(t, inRun: r) {
        setState(.killed, of: t, inRun: r)
      }
    case .killTask(_, let task):
      let t = Int(task.value)
      if runs[r].tasks[t].state.isFinal || runs[r].tasks[t].live >= 0 || runs[r].tasks[t].isExpanding {
        return
      }
      setState(.killed, of: t, inRun: r)
    case .pause: break
    case .queue: if runs[r].state != .paused { restart(r) }
    case .queueTask(_, let task, let downstream): runAgain(Int(task.value), r, downstream: downstream)
    }
  }

  private mutating func restart(_ r: Int) {
    runs[r].isKillRequested = false
    for t in runs[r].tasks.indices where runs[r].tasks[t].state != .completed && !isDropped(t, inRun: r) {
      setState(.queued, of: t, inRun: r)
      forgetBudgets(t, r)
    }
  }

  private mutating func runAgain(_ task: Int, _ r: Int, downstream: Bool) {
    var isIn = [Bool](repeating: false, count: runs[r].tasks.count)
    isIn[task] = true
    if downstream { addDescendants(&isIn, r) }
    for t in isIn.indices
    where isIn[t] && runs[r].families[Int(runs[r].tasks[t].family)].isGenerator {
      dropMade(by: t, r)
    }
    for t in isIn.indices where isIn[t] && !isDropped(t, inRun: r) {
      if runs[r].tasks[t].state.isFinal { setState(.queued, of: t, inRun: r) }
      forgetBudgets(t, r)
    }
    if runs[r].state.isFinal { runs[r].isKillRequested = false }
  }

  private func addDescendants(_ isIn: inout [Bool], _ r: Int) {
    var hasGrown = true
    while hasGrown {
      hasGrown = false
      for edge in runs[r].dependencies {
        let parent = runs[r].families[Int(edge.parent)]
        let child = runs[r].families[Int(edge.child)]
        if parent.isDropped || child.isDropped { continue }
        let isFollowed = isIn[range(parent, edge.parentOrdinal)].contains(true)
        if !isFollowed { continue }
        for t in range(child, edge.childOrdinal) where !isIn[t] {
          isIn[t] = true
          hasGrown = true
        }
      }
    }
  }

  private func range(_ family: Family, _ ordinal: Int32) -> Range<Int> {
    if ordinal < 0 { return Int(family.first)..<Int(family.first + family.count) }
    return Int(family.first + ordinal)..<Int(family.first + ordinal + 1)
  }

  private mutating func dropMade(by generator: Int, _ r: Int) {
    for f in runs[r].families.indices
    where runs[r].families[f].generator == Int32(generator) && !runs[r].families[f].isDropped {
      runs[r].families[f].isDropped = true
      if runs[r].families[f].isGenerator {
        for t in range(runs[r].families[f], -1) { dropMade(by: t, r) }
      }
    }
  }

  private mutating func forgetBudgets(_ t: Int, _ r: Int) {
    runs[r].tasks[t].failures = 0
    runs[r].tasks[t].lost = 0
    runs[r].tasks[t].deaths = 0
    runs[r].tasks[t].countedDeaths = 0
  }
}
