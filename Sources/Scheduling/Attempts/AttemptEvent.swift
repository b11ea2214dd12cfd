public import Protocol

/// What happens to an agent, as its AttemptTracker is told.
public enum AttemptEvent: Sendable {
  /// A hello was sent on a new connection, at that time or later.
  case helloSent(at: Instant)
  /// The hello was accepted.
  case welcomed(ToAgent.Welcome)
  case disconnected
  /// A message that came after the welcome.
  case received(ToAgent)
  /// The process that `.spawn` asked for is there.
  case processStarted(Fence, at: WallTime)
  /// `.spawn` failed, or its program could not be executed after that process was there: rc is 127 or 126, and the words
  /// say what was not found or why.
  case spawnFailed(Fence, rc: Int32, words: String, at: WallTime)
  /// The main process ended and nothing else of the attempt is left.
  case processEnded(Fence, ProcessEnd)
  /// It takes more memory than it may.
  case memoryExceeded(Fence)
  /// After its end: output that was still to be sent could not be kept, and why, for people.
  case outputLost(Fence, String)
  /// Nothing new is to be begun here, and why, for people; "": it may be again.
  case unfit(reason: String)
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
  /// The kernel killed a process of it since its memory was over its limit.
  public var isOverMemory: Bool
  /// Why some of that could not be kept for the coordinator, for people; "" where all of it could.
  public var lostOutput: String
  /// What the agent could not do as the job says, for people; "" where there is nothing to say.
  public var remark: String

  public init(
    how: How, stop: WallTime, cpuMicroseconds: Int64 = 0, peakMemoryKB: Int64 = 0, stdoutBytes: Int64 = 0,
    stderrBytes: Int64 = 0, isOverMemory: Bool = false, lostOutput: String = "", remark: String = ""
  ) {
    self.how = how
    self.stop = stop
    self.cpuMicroseconds = cpuMicroseconds
    self.peakMemoryKB = peakMemoryKB
    self.stdoutBytes = stdoutBytes
    self.stderrBytes = stderrBytes
    self.isOverMemory = isOverMemory
    self.lostOutput = lostOutput
    self.remark = remark
  }
}
