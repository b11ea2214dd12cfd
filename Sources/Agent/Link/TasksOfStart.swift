import Glibc
import Protocol
import System

/// The tasks of one start of the agent, as its other process finds them: by their environment, which names that start,
/// by their sessions, by their control groups, and by the spool.
struct TasksOfStart {
  private static let poll = Period.milliseconds(5)
  /// Passes of `end`: what forks while it is looked for is found by the next one.
  private static let passes = 100

  private let incarnation: Incarnation
  private let spoolFolder: String
  private let folders: GroupFolders

  init(_ incarnation: Incarnation, _ settings: AgentSettings) {
    self.incarnation = incarnation
    spoolFolder = AgentDirectory.spoolFolder(of: settings.dataDirectory)
    folders = GroupFolders(directoryID: incarnation.directoryID)
  }

  /// Ends all of them and waits until none is left; answers those whose end nobody saw. Their runner is dead.
  func endAll() -> [(fence: Fence, result: AttemptResult)] {
    Leftovers.sweep(folders, of: incarnation.directoryID) { $0 == incarnation.startNumber }
    return EarlierStarts.attempts(in: spoolFolder, bootID: incarnation.bootID)
      .filter { $0.value.result == nil }.keys.sorted().map { ($0, .lost) }
  }

  /// What the spool says of those that run: how long each may go on unheard of.
  func leases() -> [Fence: TaskLease] {
    EarlierStarts.attempts(in: spoolFolder, bootID: incarnation.bootID).filter { $0.value.result == nil }
      .mapValues(\.lease)
  }

  /// SIGKILL to all processes of these attempts that are left; answers how many there were.
  func end(_ fences: Set<Fence>) -> Int {
    var killed: Set<Int32> = []
    for _ in 0..<Self.passes {
      let found = find(fences)
      if found.isEmpty { break }
      // Main processes first: one that saw its child killed could end by itself, with an exit code of its own.
      for pid in found where getsid(pid) == pid { kill(pid, SIGKILL) }
      for pid in found { kill(pid, SIGKILL) }
      killed.formUnion(found)
      var wait = timespec(tv_sec: 0, tv_nsec: Int(Self.poll.nanoseconds))
      nanosleep(&wait, nil)
    }
    return killed.count
  }

  private func find(_ fences: Set<Fence>) -> Set<Int32> {
    let mark = TaskEnvironment.mark(of: incarnation)
    var found: Set<Int32> = []
    var sessions: Set<Int32> = []
    var others: [(pid: Int32, session: Int32)] = []
    for pid in ProcessTable.pids() {
      guard let entry = ProcessTable.entry(pid), !entry.isZombie else { continue }
      if ProcessTable.variable(TaskEnvironment.agentVariable, of: pid) == mark,
        let fence = ProcessTable.variable(TaskEnvironment.fenceVariable, of: pid).flatMap({ Int64($0) }),
        fences.contains(Fence(fence))
      {
        found.insert(pid)
        sessions.insert(entry.session)
        if let group = folders.group(of: pid) { found.formUnion(GroupFolders.pids(in: group)) }
      } else {
        others.append((pid, entry.session))
      }
    }
    sessions.remove(getsid(getppid()))
    return found.union(others.filter { sessions.contains($0.session) }.map(\.pid))
  }
}
