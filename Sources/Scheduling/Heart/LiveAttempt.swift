import Protocol

/// An attempt that was dispatched and whose end is not known.
struct LiveAttempt: Sendable {
  enum Phase: Sendable {
    /// Sent, waiting at its agent for room.
    case waiting
    /// Sent, and by our own count it has room: its `started` is awaited.
    case placed
    case running
  }
  let fence: Fence
  let key: TaskKey
  let number: AttemptNumber
  let family: Int32
  let agent: AgentID
  let needs: ResourceVector
  let lease: TaskLease
  /// One more death of an agent's process while it runs, and its task is taken for the cause.
  let isSuspect: Bool
  /// What it adds to its agent's waiting work, in nanoseconds.
  let work: Int64
  var phase: Phase
  /// The task's own kill, which sticks; a run's kill is the run's flag.
  var isKillRequested = false
  var isRevoking = false
  /// As stored.
  var start = WallTime.none
  /// Where among its agent's attempts it is listed.
  var place: Int32

  /// Its row.
  var record: AttemptRecord {
    AttemptRecord(
      key: key, number: number, fence: fence, agent: agent, state: phase == .running ? .running : .dispatched,
      isKillRequested: isKillRequested, start: start)
  }
}

extension Slab<LiveAttempt> {
  /// Where a task's live attempt is: a walk, for what people ask.
  func slot(of key: TaskKey) -> Int32? { slots.first { holds($0) && self[$0].key == key } }
}
