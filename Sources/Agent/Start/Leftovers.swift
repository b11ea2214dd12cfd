import Glibc
import Protocol
import System

/// Processes that an earlier start of this agent left: found by their environment, which names the agent's
/// data directory, and by their sessions. Tasks die with the agent by their death signal; this is for what
/// those had started.
enum Leftovers {
  private static let poll = Period.milliseconds(5)
  /// After this long it is said that one does not go.
  private static let patience = Period.seconds(5)

  /// Kills them and waits until none is there.
  static func sweep(directoryID: String) {
    let begin = Instant.now()
    var killed: Set<Int32> = []
    var hasComplained = false
    while true {
      let found = find(directoryID)
      if found.isEmpty { break }
      for pid in found {
        kill(pid, SIGKILL)
        killed.insert(pid)
      }
      if !hasComplained, Instant.now() - begin > patience {
        hasComplained = true
        Say.line(
          "waiting for processes of an earlier start to go: \(found.map { "\($0)" }.joined(separator: " "))")
      }
      var wait = timespec(tv_sec: 0, tv_nsec: Int(poll.nanoseconds))
      nanosleep(&wait, nil)
    }
    if !killed.isEmpty {
      Say.line("killed \(killed.count) processes that an earlier start of this agent left")
    }
  }

  private static func find(_ directoryID: String) -> [Int32] {
    var found: [Int32] = []
    var others: [(pid: Int32, session: Int32)] = []
    var sessions: Set<Int32> = []
    for pid in ProcessTable.pids() where pid != getpid() {
      guard let entry = ProcessTable.entry(pid), !entry.isZombie else { continue }
      if ProcessTable.variable(TaskEnvironment.agentVariable, of: pid) == directoryID {
        found.append(pid)
        sessions.insert(entry.session)
      } else {
        others.append((pid, entry.session))
      }
    }
    // A task's session is its own: whoever is in it came from it, also without that environment.
    sessions.remove(getsid(0))
    return found + others.filter { sessions.contains($0.session) }.map(\.pid)
  }
}
