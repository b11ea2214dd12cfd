public import Protocol

/// What happens to an agent, as its AttemptTracker is told.
public enum AttemptEvent: Sendable {
  /// A hello is being sent on a new connection.
  case helloSent
  /// The hello was accepted.
  case welcomed(ToAgent.Welcome)
  case disconnected
  /// A message that came after the welcome.
  case received(ToAgent)
  /// The process that `.spawn` asked for runs.
  case processStarted(Fence, at: WallTime)
  /// `.spawn` failed: rc is 127 or 126, and the words say what was not found or why it could not be executed.
  case spawnFailed(Fence, rc: Int32, words: String, at: WallTime)
  /// The main process ended and nothing else of the attempt is left.
  case processEnded(Fence, ProcessEnd)
  /// After its end: output that was still to be sent could not be kept, and why, for people.
  case outputLost(Fence, String)
  /// `AttemptTracker.nextDeadline` has come.
  case timer
  /// The agent is to stop: what runs is ended and handed back.
  case shutdown
}

/// How a process ended, and what it used.
public struct ProcessEnd: Hashable, Sendable {
  public enum How: Hashable, Sendable {
    case exit(code: Int32)
    case signal(Int32)
  }
  public var how: How
  /// On the agent's wall clock, at reap.
  public var stop: WallTime
  public var cpuMicroseconds: Int64
  /// 0: not known.
  public var peakMemoryKB: Int64
  /// Bytes printed, what was cut away included.
  public var stdoutBytes: Int64
  public var stderrBytes: Int64
  /// Why some of that could not be kept for the coordinator, for people; "" where all of it could.
  public var lostOutput: String

  public init(
    how: How, stop: WallTime, cpuMicroseconds: Int64 = 0, peakMemoryKB: Int64 = 0, stdoutBytes: Int64 = 0,
    stderrBytes: Int64 = 0, lostOutput: String = ""
  ) {
    self.how = how
    self.stop = stop
    self.cpuMicroseconds = cpuMicroseconds
    self.peakMemoryKB = peakMemoryKB
    self.stdoutBytes = stdoutBytes
    self.stderrBytes = stderrBytes
    self.lostOutput = lostOutput
  }
}
