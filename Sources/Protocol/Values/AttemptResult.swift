/// How an attempt ended, in its agent's words and numbers.
public struct AttemptResult: Hashable, Sendable {
  public enum Kind: UInt8, CaseIterable, Sendable {
    /// It ended by itself, with an exit code or by a signal, or by a kill the coordinator asked for.
    case exited = 0
    /// It could not be executed: rc is 127 or 126.
    case notExecuted
    case timeLimit
    case memoryLimit
    /// Its agent ended it because the lease ran out.
    case leaseExpired
    /// Its end was not seen: its agent's process died.
    case lost

    public var name: String {
      switch self {
      case .exited: "exited"
      case .notExecuted: "notExecuted"
      case .timeLimit: "timeLimit"
      case .memoryLimit: "memoryLimit"
      case .leaseExpired: "leaseExpired"
      case .lost: "lost"
      }
    }
  }

  /// Why its agent told it to end, where it did so without a limit being passed. Whatever its exit code says, it
  /// may not have done all it had to.
  public enum Stop: UInt8, CaseIterable, Sendable {
    /// The coordinator asked for it.
    case killed = 0
    /// The agent stops.
    case agentStops

    public var name: String {
      switch self {
      case .killed: "killed"
      case .agentStops: "agentStops"
      }
    }
  }

  public var kind: Kind
  /// The exit code; 128 + n when signal n ended it; 127 or 126 when it could not be executed; -1 when lost.
  public var rc: Int32
  /// On the agent's wall clock, at fork.
  public var start: WallTime
  /// On the agent's wall clock, at reap.
  public var stop: WallTime
  /// What the agent did, for people; "" where there is nothing to say.
  public var words: String
  /// User and system time of all its processes that were waited for, in microseconds.
  public var cpuMicroseconds: Int64
  /// Peak resident size, in KB; 0 where not known.
  public var peakMemoryKB: Int64
  /// Bytes it printed, what was cut away included.
  public var stdoutBytes: Int64
  public var stderrBytes: Int64
  /// nil: nobody told it to end.
  public var stopped: Stop?

  public init(
    kind: Kind = .exited, rc: Int32, start: WallTime, stop: WallTime, words: String = "",
    cpuMicroseconds: Int64 = 0, peakMemoryKB: Int64 = 0, stdoutBytes: Int64 = 0,
    stderrBytes: Int64 = 0, stopped: Stop? = nil
  ) {
    self.kind = kind
    self.rc = rc
    self.start = start
    self.stop = stop
    self.words = words
    self.cpuMicroseconds = cpuMicroseconds
    self.peakMemoryKB = peakMemoryKB
    self.stdoutBytes = stdoutBytes
    self.stderrBytes = stderrBytes
    self.stopped = stopped
  }
}
