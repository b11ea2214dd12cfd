import CSystem
import Glibc
import Protocol
import System
import Transport

// From the order to start an attempt to its program's execution.
extension ProcessRunner {
  /// How an attempt is started; less of it where the host does not let us.
  struct Wishes {
    var isGrouped = true
    var isPinned = false
    /// What cannot be had of it, for people.
    var remark = ""
  }

  /// When it was started; the attempt runs from now on. What keeps it from executing its program after all tells
  /// `onUnborn`.
  func spawn(_ start: ToAgent.Start) throws(Spawner.Failure) -> WallTime {
    try spawn(start, Wishes(isPinned: start.job.world?.isPinned == true))
  }

  private func spawn(_ start: ToAgent.Start, _ wishes: Wishes) throws(Spawner.Failure) -> WallTime {
    var wishes = wishes
    while true {
      do throws(Spawner.Failure) { return try trySpawn(start, &wishes) } catch {
        if !settleFor(less: &wishes, after: error) { throw error }
      }
    }
  }

  private func trySpawn(_ start: ToAgent.Start, _ wishes: inout Wishes) throws(Spawner.Failure) -> WallTime {
    let limitMB = start.job.isMemoryStated ? start.job.needs.memoryMB : nil
    let cpus = wishes.isPinned ? pin(start.job, &wishes) : []
    let group = wishes.isGrouped ? groups?.take(limitMB: limitMB) : nil
    expectCalm()
    let spawned: Spawner.Spawned
    do throws(Spawner.Failure) {
      // What is looked at from outside is to be the task's own memory, not ours that it borrows.
      let waits = limitMB != nil && group?.memory == nil
      spawned = try spawner.spawn(start, preparation(of: start), in: group, on: cpus, waits: waits)
    } catch {
      pins.giveBack(cpus)
      if let group { groups?.giveBack(group) }
      throw error
    }
    if let birth = spawned.birth { births.append(birth) }
    Failpoint.forkAfter.pass()
    let process = RunningProcess(start.fence, spawned, in: group, on: loop, printed: printed)
    process.cpus = cpus
    process.remark = wishes.remark
    do throws(SystemError) { try add(process, limitMB: limitMB) } catch {
      // Without its output it is not to run.
      process.kill(SIGKILL)
      group?.kill()
      process.drain()
      pins.giveBack(cpus)
      throw Spawner.Failure(rc: Spawner.Failure.notExecutable, words: error.message, time: spawned.start)
    }
    return spawned.start
  }

  /// CPUs of its own; where there are not enough, none.
  private func pin(_ job: Job, _ wishes: inout Wishes) -> [Int] {
    if let cpus = pins.take(milliCores: job.needs.milliCores) { return cpus }
    wishes.isPinned = false
    wishes.remark =
      "not pinned: \(job.needs.coresText) CPUs were wanted, and \(pins.freeCount) of this host's are free"
    return []
  }

  /// Whether another try may go better.
  private func settleFor(less wishes: inout Wishes, after failure: Spawner.Failure) -> Bool {
    if failure.isOfGroup && wishes.isGrouped {
      groups?.giveUp(failure.words)
      wishes.isGrouped = false
      return true
    }
    if failure.isOfPin && wishes.isPinned {
      // A CPU may have gone offline, or out of our cpuset, since.
      wishes.isPinned = false
      wishes.remark = "not pinned: \(failure.words)"
      return true
    }
    return false
  }

  /// It ended without having executed its program.
  func unborn(_ process: RunningProcess, _ failure: Spawner.Failure) {
    let start = process.birth?.start
    var wishes = Wishes(
      isGrouped: process.group != nil, isPinned: !process.cpus.isEmpty, remark: process.remark)
    forget(process)
    guard let start, mayStillRun(process.fence), settleFor(less: &wishes, after: failure) else {
      onUnborn?(process.fence, failure)
      return
    }
    do throws(Spawner.Failure) { _ = try spawn(start, wishes) } catch { onUnborn?(process.fence, error) }
  }

  // MARK: What is under way

  /// Drops what processes need no more that have executed their programs.
  func settleBirths() { births.removeAll(where: \.isOver) }

  /// Some time after the last start this process's score is its own again.
  private func expectCalm() {
    lastBirth = .now()
    if calmTimer == nil { calm() }
  }

  private func calm() {
    let due = lastBirth + Self.calmTime
    if due > .now() {
      calmTimer = loop.schedule(at: due) { [weak self] in self?.calm() }
      return
    }
    calmTimer = nil
    // What hangs so long on a dead mount. (What is over by now has its own memory, and score, long since.)
    settleBirths()
    for birth in births { birth.wasLowered = true }
    spawner.score.lower()
  }
}
