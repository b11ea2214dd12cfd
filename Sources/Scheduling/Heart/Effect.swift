public import Protocol

/// What the driver must do after an event: write down, then tell. Nothing may be told before what was
/// written in the same batch is committed.
public enum Effect: Sendable {
  // To write.
  case attemptInserted(AttemptRecord)
  case attemptUpdated(AttemptRecord)
  /// It never started: it leaves no trace.
  case attemptDeleted(TaskKey, AttemptNumber)
  case historyChanged(TaskKey, TaskHistory?)
  case runStateChanged(RunID, RunState)
  case agentChanged(AgentID)
  /// A generator runs again: what it made before goes.
  case partsDropped(RunID, generator: TaskIndex)

  // To tell.
  case start(AgentID, SessionID, TaskKey, AttemptNumber, Fence)
  case revoke(AgentID, SessionID, Fence)
  case kill(AgentID, SessionID, Fence, reason: String)
  case acknowledgeEnd(AgentID, SessionID, Fence)
  case welcome(AgentID, SessionID)
  case refuse(SessionID, ToAgent.RefusalCode, String)
  /// An older connection of the same agent is of no use any more.
  case closeSession(SessionID, reason: String)
  case answer(CommandID, Refusal?)
  /// Expand the stored output of this attempt and come back with `.generatorExpanded`.
  case expand(TaskKey, AttemptNumber, Fence)
}

/// An attempt's row, as the Scheduler knows it.
public struct AttemptRecord: Hashable, Sendable {
  public var key: TaskKey
  public var number: AttemptNumber
  public var fence: Fence
  public var agent: AgentID
  public var state: AttemptState
  public var isKillRequested: Bool
  /// It was taken for lost by its agent's silence, and its result may still come.
  public var isAwaited = false
  /// As shown: shifted where clocks differ. Zero: none yet.
  public var start: WallTime
  public var stop: WallTime
  /// −1 while running or lost.
  public var rc: Int32
  public var words: String
  public var cpuMicroseconds: Int64 = 0
  public var peakMemoryKB: Int64 = 0
  public var stdoutBytes: Int64 = 0
  public var stderrBytes: Int64 = 0

  public init(
    key: TaskKey, number: AttemptNumber, fence: Fence, agent: AgentID, state: AttemptState,
    isKillRequested: Bool = false, start: WallTime = .none, stop: WallTime = .none, rc: Int32 = -1,
    words: String = ""
  ) {
    self.key = key
    self.number = number
    self.fence = fence
    self.agent = agent
    self.state = state
    self.isKillRequested = isKillRequested
    self.start = start
    self.stop = stop
    self.rc = rc
    self.words = words
  }
}
