public import Protocol

/// All that is kept of a task that has no attempt alive: one byte, in memory and in the database's state
/// chunks alike.
public struct TaskByte: Hashable, Sendable {
  public var raw: UInt8
  public init(raw: UInt8) { self.raw = raw }
  public init(_ state: TaskState) { raw = state.rawValue }

  private static let stateMask: UInt8 = 0x07
  private static let aliveBit: UInt8 = 0x10
  private static let attemptsBit: UInt8 = 0x20
  private static let historyBit: UInt8 = 0x40
  private static let expandingBit: UInt8 = 0x80

  public var state: TaskState {
    get { TaskState(rawValue: raw & Self.stateMask)! }
    set { raw = raw & ~Self.stateMask | newValue.rawValue }
  }
  /// An attempt of it is dispatched or running: the attempt table has its row.
  public var isAlive: Bool {
    get { raw & Self.aliveBit != 0 }
    set { set(Self.aliveBit, newValue) }
  }
  /// It has attempts that people see.
  public var hasAttempts: Bool {
    get { raw & Self.attemptsBit != 0 }
    set { set(Self.attemptsBit, newValue) }
  }
  /// More is to be told of its attempts than "one, numbered 1": it has a `TaskHistory`.
  public var hasHistory: Bool {
    get { raw & Self.historyBit != 0 }
    set { set(Self.historyBit, newValue) }
  }
  /// A generator that ended well and whose output is being expanded.
  public var isExpanding: Bool {
    get { raw & Self.expandingBit != 0 }
    set { set(Self.expandingBit, newValue) }
  }

  private mutating func set(_ bit: UInt8, _ on: Bool) { raw = on ? raw | bit : raw & ~bit }
}

/// What a task's attempts have cost so far; kept only where it is more than one attempt numbered 1.
public struct TaskHistory: Hashable, Sendable {
  /// The number of the latest attempt that people see; 0: none.
  public var lastNumber: Int32 = 0
  /// Failures since the last restart; never above maxRetries + 1.
  public var failures: Int32 = 0
  /// Attempts lost since the last restart.
  public var lost: Int32 = 0
  /// Deaths of agents' processes while it was running, since the last restart.
  public var deaths: Int32 = 0
  public init() {}
  public init(lastNumber: Int32, failures: Int32, lost: Int32, deaths: Int32) {
    self.lastNumber = lastNumber
    self.failures = failures
    self.lost = lost
    self.deaths = deaths
  }
}
