import Protocol
import Scheduling

// All of a run, from the ground: the model against what is on the disk, and what must hold of both. It is done after
// each commit, and after each event where everything is to be checked then.
extension Oracle {
  mutating func recount(_ r: Int, _ disk: borrowing StateDisk, at time: Instant) {
    if violation != nil { return }
    if disk.runs[r].state != runs[r].state || disk.runs[r].isKillRequested != runs[r].isKillRequested {
      return violate(wordsOfState(r, disk))
    }
    let stored = disk.runs[r].bytes.count
    if stored != runs[r].tasks.count {
      return violate("run \(r) has \(stored) bytes for \(runs[r].tasks.count) tasks")
    }
    var found = compare(r, disk)
    if found.difference != 0, endIntervals(r, disk, at: time) { found = compare(r, disk) }
    if found.difference != 0 || !agreeHistories(r, disk, found.histories) {
      return violate(wordsOfFault(r, disk))
    }
    checkEnd(r, found)
  }

  /// What was found of a run's tasks, dropped ones left out.
  private struct Found {
    /// Bits in which some byte is other than it ought to be.
    var difference: UInt8 = 0
    /// Those that some byte has.
    var any: UInt8 = 0
    /// By `TaskState.rawValue`, whether some task is in that state.
    private var states: UInt8 = 0
    var histories = 0

    @inline(__always)
    mutating func take(_ stored: TaskByte, _ ought: TaskByte) {
      difference |= stored.raw ^ ought.raw
      any |= stored.raw
      states |= 1 &<< (stored.raw & 7)
      histories += stored.hasHistory ? 1 : 0
    }

    /// Whether an attempt is alive, or a generator's output is being expanded.
    var isAnyAlive: Bool { TaskByte(raw: any).isAlive || TaskByte(raw: any).isExpanding }
    func isAny(_ state: TaskState) -> Bool { states & 1 &<< state.rawValue != 0 }
  }

  @inline(__always)
  private func compare(_ r: Int, _ disk: borrowing StateDisk) -> Found {
    // By pointers, so that nothing is looked up anew for each task.
    runs[r].families.withUnsafeBufferPointer { families in
      runs[r].tasks.withUnsafeBufferPointer { tasks in
        disk.runs[r].bytes.withUnsafeBufferPointer { bytes in
          var found = Found()
          for f in families.indices where !families[f].isDropped {
            var t = Int(families[f].first)
            let end = t + Int(families[f].count)
            while t < end {
              found.take(bytes[t], tasks[t].byte)
              t += 1
            }
          }
          return found
        }
      }
    }
  }

  /// Where an interval is over, nothing tells but the byte. False: there is no such task.
  private mutating func endIntervals(_ r: Int, _ disk: borrowing StateDisk, at time: Instant) -> Bool {
    var isAny = false
    for t in runs[r].tasks.indices
    where runs[r].tasks[t].state == .retry && disk.runs[r].bytes[t].state == .queued
      && time >= runs[r].tasks[t].retryAt && !isDropped(t, inRun: r)
    {
      setState(.queued, of: t, inRun: r)
      isAny = true
    }
    return isAny
  }

  /// Whether a history is stored where a byte says so, and nowhere else, and is what it ought to be.
  @inline(__always)
  private func agreeHistories(_ r: Int, _ disk: borrowing StateDisk, _ count: Int) -> Bool {
    var known = 0
    for i in disk.runs[r].histories.indices {
      let (task, history) = disk.runs[r].histories[i]
      if isDropped(Int(task), inRun: r) { continue }
      known += 1
      if !disk.runs[r].bytes[Int(task)].hasHistory || !runs[r].tasks[Int(task)].agrees(with: history) {
        return false
      }
    }
    return known == count
  }

  /// A run ends when nothing of it lives or can still run, and not before.
  private mutating func checkEnd(_ r: Int, _ found: Found) {
    let canRun =
      found.isAnyAlive
      || !runs[r].isKillRequested && (found.isAny(.retry) || found.isAny(.queued) && isAnyReady(r))
    if !canRun != runs[r].state.isFinal {
      return violate(
        "run \(r) is \(runs[r].state), and \(found.isAnyAlive ? "attempts are alive" : canRun ? "tasks may run" : "nothing may run")"
      )
    }
    if canRun { return }
    let end: RunState =
      runs[r].isKillRequested
      ? .killed : found.isAny(.errored) ? .errored : found.isAny(.killed) ? .killed : .completed
    if runs[r].state != end { violate("run \(r) ends \(runs[r].state) and ought to end \(end)") }
  }

  /// Whether some task is QUEUED, without an attempt, and all that it follows is COMPLETED.
  @inline(__always)
  private func isAnyReady(_ r: Int) -> Bool {
    for f in runs[r].families.indices where !runs[r].families[f].isDropped && !isBarred(f, r) {
      var t = Int(runs[r].families[f].first)
      let end = t + Int(runs[r].families[f].count)
      while t < end {
        if runs[r].tasks[t].state == .queued, runs[r].tasks[t].live < 0,
          allParents(of: t, inRun: r, { isCompleted($0, inRun: r) })
        {
          return true
        }
        t += 1
      }
    }
    return false
  }

  /// Whether all of the family waits for something: then none of its tasks need be looked at.
  @inline(__always)
  private func isBarred(_ f: Int, _ r: Int) -> Bool {
    for i in runs[r].dependencies.indices
    where Int(runs[r].dependencies[i].child) == f && runs[r].dependencies[i].childOrdinal < 0 {
      let edge = runs[r].dependencies[i]
      if !runs[r].families[Int(edge.parent)].isDropped, !isCompleted(edge, inRun: r) { return true }
    }
    return false
  }

  // MARK: Words

  private func wordsOfState(_ r: Int, _ disk: borrowing StateDisk) -> String {
    "run \(r) is stored as \(disk.runs[r].state), kill \(disk.runs[r].isKillRequested), and ought to be \(runs[r].state), kill \(runs[r].isKillRequested)"
  }

  /// The first task that is stored otherwise than it ought to be.
  private func wordsOfFault(_ r: Int, _ disk: borrowing StateDisk) -> String {
    for t in runs[r].tasks.indices where !isDropped(t, inRun: r) {
      let task = runs[r].tasks[t]
      let byte = disk.runs[r].bytes[t]
      let history = disk.runs[r].histories.first { $0.task == t }?.history
      if byte == task.byte, byte.hasHistory == (history != nil), history.map(task.agrees) ?? true { continue }
      let number = history?.lastNumber ?? (byte.hasAttempts ? 1 : 0)
      return
        "\(words(Int32(t), r)) is stored as \(byte.state) (alive \(byte.isAlive), expanding \(byte.isExpanding), number \(number), \(history?.failures ?? 0) failures, \(history?.lost ?? 0) lost, \(history?.deaths ?? 0) deaths) and ought to be \(task.state) (\(task.live >= 0), \(task.isExpanding), \(task.lastNumber), \(task.failures), \(task.lost), \(task.deaths) at most)"
    }
    return "run \(r) has histories of tasks that say they have none"
  }
}

extension Oracle.Task {
  fileprivate func agrees(with history: TaskHistory) -> Bool {
    history.lastNumber == lastNumber && history.failures == failures && history.lost == lost
      && history.deaths <= deaths
  }
}
