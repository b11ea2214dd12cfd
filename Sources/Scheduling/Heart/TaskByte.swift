public import Protocol

/// All that is kept of a task that has no attempt alive: one byte, in memory and in the database's state
/// chunks alike.
///
/// Inlinable, since whoever walks over a run asks each of its tasks.
public struct TaskByte: Hashable, Sendable {
  public var raw: UInt8
  @inlinable public init(raw: UInt8) { self.raw = raw }
  @inlinable public init(_ state: TaskState) { raw = state.rawValue }

  @usableFromInline static var stateMask: UInt8 { 0x07 }
  @usableFromInline static var aliveBit: UInt8 { 0x10 }
  @usableFromInline static var attemptsBit: UInt8 { 0x20 }
  @usableFromInline static var historyBit: UInt8 { 0x40 }
  @usableFromInline static var expandingBit: UInt8 { 0x80 }

  @inlinable public var state: TaskState {
    get { TaskState(rawValue: raw & Self.stateMask)! }
    set { raw = raw & ~Self.stateMask | newValue.rawValue }
  }
  /// Whether that is its state; quicker than to ask which it is.
  @inlinable public func isIn(_ state: TaskState) -> Bool { raw & Self.stateMask == state.rawValue }
  /// An attempt of it is dispatched or running: the attempt table has its row.
  @inlinable public var isAlive: Bool {
    get { raw & Self.aliveBit != 0 }
    set { set(Self.aliveBit, newValue) }
  }
  /// It has attempts that people see.
  @inlinable public var hasAttempts: Bool {
    get { raw & Self.attemptsBit != 0 }
    set { set(Self.attemptsBit, newValue) }
  }
  /// More is to be told of its attempts than "one, numbered 1": it has a `TaskHistory`.
  @inlinable public var hasHistory: Bool {
    get { raw & Self.historyBit != 0 }
    set { set(Self.historyBit, newValue) }
  }
  /// A generator that ended well and whose output is being expanded.
  @inlinable public var isExpanding: Bool {
    get { raw & Self.expandingBit != 0 }
    set { set(Self.expandingBit, newValue) }
  }

  @inlinable mutating func set(_ bit: UInt8, _ on: Bool) { raw = on ? raw | bit : raw & ~bit }
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
