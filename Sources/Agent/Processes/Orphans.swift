import Glibc
import Protocol
import System

/// What tasks left behind and what is our child now, since we are the reaper of all our descendants (prctl(2),
/// PR_SET_CHILD_SUBREAPER): where no control group says whose it is.
///
/// Who left its session by setsid(2) becomes our child when its parent ends, and is found among our children.
final class Orphans {
  private let children = OurChildren()
  /// Killed and not reaped yet: one that dies has neither environment nor session to be known by, and still holds
  /// its files.
  private var dying: [Int32: Fence] = [:]

  func reaped(_ pid: Int32) { dying[pid] = nil }

  func areDying(of fence: Fence) -> Bool { dying.values.contains(fence) }

  /// Kills our children that are no main process and belong to an attempt whose main process ended.
  func kill(of ended: [RunningProcess], besides running: [Int32: RunningProcess], _ isOurOwn: (Int32) -> Bool)
  {
    for pid in children.pids(where: { running[$0] == nil && dying[$0] == nil && !isOurOwn($0) }) {
      guard let owner = Self.owner(of: pid, ended, running) else { continue }
      Glibc.kill(pid, SIGKILL)
      dying[pid] = owner
    }
  }

  /// Which ended attempt an orphan came from: by its environment, else by its session. One that hides both is
  /// taken for the ended attempt's when nothing else runs; till then it may be a running one's.
  private static func owner(
    of pid: Int32, _ ended: [RunningProcess], _ running: [Int32: RunningProcess]
  ) -> Fence? {
    if let text = ProcessTable.variable(TaskEnvironment.fenceVariable, of: pid), let number = Int64(text) {
      let fence = Fence(number)
      return ended.contains { $0.fence == fence } ? fence : nil
    }
    let session = ProcessTable.entry(pid)?.session
    if let session, let process = ended.first(where: { $0.pid == session }) { return process.fence }
    if let session, running[session] != nil { return nil }
    return running.isEmpty ? ended.first?.fence : nil
  }
}
