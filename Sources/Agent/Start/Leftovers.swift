import Glibc
import Protocol
import System

/// Processes that earlier starts of this agent left: found in their control groups, by their environment, which names
/// the agent's data directory and start, and by their sessions. Tasks die with the agent by their death signal; this is
/// for what those had started.
enum Leftovers {
  private static let poll = Period.milliseconds(5)
  /// After this long it is said that one does not go.
  private static let patience = Period.seconds(5)

  /// Kills what those starts of that data directory's agent left, and waits until none of it is there.
  static func sweep(_ folders: GroupFolders, of directoryID: String, where isWanted: (_ start: Int64) -> Bool)
  {
    let begin = Instant.now()
    var killed: Set<Int32> = []
    var hasComplained = false
    while true {
      let found = find(folders, directoryID, isWanted)
      if found.isEmpty { break }
      for pid in found {
        kill(pid, SIGKILL)
        killed.insert(pid)
      }
      if !hasComplained, Instant.now() - begin > patience {
        hasComplained = true
        Say.line(
          "waiting for processes of tasks to go: \(found.map { "\($0)" }.joined(separator: " "))")
      }
      var wait = timespec(tv_sec: 0, tv_nsec: Int(poll.nanoseconds))
      nanosleep(&wait, nil)
    }
    folders.remove(where: isWanted)
    if !killed.isEmpty { Say.line("killed \(killed.count) processes that tasks had left") }
  }

  private static func find(
    _ folders: GroupFolders, _ directoryID: String, _ isWanted: (_ start: Int64) -> Bool
  ) -> [Int32] {
    var found = Set(folders.pids(where: isWanted))
    var others: [(pid: Int32, session: Int32)] = []
    var sessions: Set<Int32> = []
    for pid in ProcessTable.pids() where pid != getpid() && !found.contains(pid) {
      guard let entry = ProcessTable.entry(pid), !entry.isZombie else { continue }
      if let start = start(of: pid, directoryID), isWanted(start) {
        found.insert(pid)
        sessions.insert(entry.session)
      } else {
        others.append((pid, entry.session))
      }
    }
    // A task's session is its own: whoever is in it came from it, also without that environment.
    sessions.subtract([getsid(0), getsid(getppid())])
    return found.sorted() + others.filter { sessions.contains($0.session) }.map(\.pid)
  }

  /// Of the agent that started it, by what it was executed with.
  private static func start(of pid: Int32, _ directoryID: String) -> Int64? {
    guard let mark = ProcessTable.variable(TaskEnvironment.agentVariable, of: pid) else { return nil }
    let parts = mark.split(separator: ".")
    guard parts.count == 2, parts[0] == directoryID else { return nil }
    return Int64(parts[1])
  }
}
