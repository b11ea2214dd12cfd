import Protocol
import Scheduling

// All of a run, from the ground: the model against what is on the disk, and what must hold of both.
extension Oracle {
  mutating func recount(_ r: Int, _ disk: borrowing StateDisk, at time: Instant) {
    if violation != nil { return }
    let stored = disk.runs[r]
    if stored.state != runs[r].state || stored.isKillRequested != runs[r].isKillRequested {
      return violate(
        "run \(r) is stored as \(stored.state), kill \(stored.isKillRequested), and ought to be \(runs[r].state), kill \(runs[r].isKillRequested)"
      )
    }
    if stored.bytes.count != runs[r].tasks.count {
      return violate("run \(r) has \(stored.bytes.count) bytes for \(runs[r].tasks.count) tasks")
    }
    for t in stored.bytes.indices where !isDropped(t, inRun: r) {
      compare(t, r, TaskByte(raw: stored.bytes[t]), at: time)
    }
    for t in runs[r].tasks.indices where !isDropped(t, inRun: r) {
      compare(t, r, stored.histories.first { $0.task == t }?.history)
    }
    checkEnd(r)
  }

  private mutating func compare(_ t: Int, _ r: Int, _ byte: TaskByte, at time: Instant) {
    // The interval is over: nothing tells but the byte.
    if runs[r].tasks[t].state == .retry, byte.state == .queued, time >= runs[r].tasks[t].retryAt {
      setState(.queued, of: t, inRun: r)
    }
    let task = runs[r].tasks[t]
    if byte.state != task.state || byte.isAlive != (task.live >= 0) || byte.isExpanding != task.isExpanding
      || byte.hasAttempts != (task.lastNumber > 0)
    {
      violate(
        "\(words(Int32(t), r)) is stored as \(byte.state) (alive \(byte.isAlive), expanding \(byte.isExpanding), attempts \(byte.hasAttempts)) and ought to be \(task.state) (\(task.live >= 0), \(task.isExpanding), \(task.lastNumber))"
      )
    }
  }

  private mutating func compare(_ t: Int, _ r: Int, _ history: TaskHistory?) {
    let task = runs[r].tasks[t]
    let number = history?.lastNumber ?? (task.lastNumber > 0 ? 1 : 0)
    if number != task.lastNumber || history?.failures ?? 0 != task.failures
      || history?.lost ?? 0 != task.lost || history?.deaths ?? 0 > task.deaths
    {
      violate(
        "\(words(Int32(t), r)) is stored with \(history.map { "\($0)" } ?? "no history") and ought to have number \(task.lastNumber), \(task.failures) failures, \(task.lost) lost, \(task.deaths) deaths at most"
      )
    }
  }

  /// A run ends when nothing of it lives or can still run, and not before.
  private mutating func checkEnd(_ r: Int) {
    var live = 0
    var retries = 0
    var ready = 0
    var errored = 0
    var killed = 0
    for t in runs[r].tasks.indices where !isDropped(t, inRun: r) {
      let task = runs[r].tasks[t]
      if task.live >= 0 || task.isExpanding { live += 1 }
      switch task.state {
      case .retry: retries += 1
      case .errored: errored += 1
      case .killed: killed += 1
      case .queued where task.live < 0:
        if allParents(of: t, inRun: r, { isCompleted($0, inRun: r) }) { ready += 1 }
      default: break
      }
    }
    let canRun = live > 0 || (!runs[r].isKillRequested && retries + ready > 0)
    if !canRun != runs[r].state.isFinal {
      return violate(
        "run \(r) is \(runs[r].state) with \(live) attempts alive, \(retries) in RETRY, \(ready) that may run"
      )
    }
    if canRun { return }
    let end: RunState =
      runs[r].isKillRequested ? .killed : errored > 0 ? .errored : killed > 0 ? .killed : .completed
    if runs[r].state != end { violate("run \(r) ends \(runs[r].state) and ought to end \(end)") }
  }
}
