/// What an agent says to the coordinator. A frame holds one of these or an array of them.
public enum ToCoordinator: Hashable, Sendable {
  // In boxes, as the others are most of what is said, and all of them are as large as the largest.
  indirect case hello(Hello)
  /// What this agent has of attempts, in as many messages as it takes; `isLast` ends the list. Sent after
  /// each welcome, before anything else.
  case attempts([Held], isLast: Bool)
  /// The attempt's process was started (start and end may come in one frame).
  case started(Fence, at: WallTime)
  /// No process of the attempt is left. Sent again after each reconnection until acknowledged.
  indirect case ended(Fence, AttemptResult)
  /// The attempt was given back without having started.
  case revoked(Fence)
  /// The agent stops or drains: the attempt was ended by the agent, or never started; free of any budget.
  indirect case handedBack(Fence, AttemptResult?)
  /// Bytes of an attempt's output from `offset`. An offset beyond what was sent before means a cut.
  case output(Fence, OutputStream, offset: Int64, [UInt8])
  /// Numbers grow within a connection.
  case heartbeat(Int64)
  /// The agent takes no new work, and why, for people; "": it does again. Said after each list while it is so.
  indirect case unfit(reason: String)
  /// The agent leaves for good; nothing of it is left running.
  case goodbye(reason: String)

  public struct Hello: Hashable, Sendable {
    public var minVersion: Int
    public var maxVersion: Int
    public var token: String
    public var name: String
    public var incarnation: Incarnation
    public var capacity: ResourceVector
    public var labels: [String: String]
    /// The agent's program version, for people.
    public var software: String
    public var pid: Int32
    public init(
      minVersion: Int, maxVersion: Int, token: String, name: String, incarnation: Incarnation,
      capacity: ResourceVector, labels: [String: String], software: String, pid: Int32
    ) {
      self.minVersion = minVersion
      self.maxVersion = maxVersion
      self.token = token
      self.name = name
      self.incarnation = incarnation
      self.capacity = capacity
      self.labels = labels
      self.software = software
      self.pid = pid
    }
  }

  /// One line of the list.
  public struct Held: Hashable, Sendable {
    public enum Phase: Hashable, Sendable {
      /// Taken and not started.
      case waiting
      case running(since: WallTime)
      /// No process of it is left, and `ended` follows its output, which is still to be sent.
      case ending(AttemptResult)
      case ended(AttemptResult)
    }
    public var fence: Fence
    public var phase: Phase
    public init(fence: Fence, phase: Phase) {
      self.fence = fence
      self.phase = phase
    }
  }
}

public enum OutputStream: UInt8, CaseIterable, Sendable {
  case stdout = 1
  case stderr = 2

  public var name: String { self == .stdout ? "stdout" : "stderr" }
}
