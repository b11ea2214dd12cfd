/// A run's number: counted from 0 in a fresh data directory.
public struct RunID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: Int64
  public init(_ value: Int64) { self.value = value }
  public static func < (a: RunID, b: RunID) -> Bool { a.value < b.value }
  public var description: String { "\(value)" }
}

/// A task's place in the dense index of its run: families in order, each with its tasks in order.
public struct TaskIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: Int32
  public init(_ value: Int32) { self.value = value }
  public init(_ value: Int) { self.value = Int32(value) }
  public static func < (a: TaskIndex, b: TaskIndex) -> Bool { a.value < b.value }
  public var description: String { "#\(value)" }
}

/// One task of one run.
public struct TaskKey: Hashable, Sendable {
  public let run: RunID
  public let task: TaskIndex
  public init(_ run: RunID, _ task: TaskIndex) {
    self.run = run
    self.task = task
  }
}

/// Which try at running a task this is: 1 for the first.
public struct AttemptNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: Int32
  public init(_ value: Int32) { self.value = value }
  public static func < (a: AttemptNumber, b: AttemptNumber) -> Bool { a.value < b.value }
  public var description: String { "\(value)" }
}

/// Names one dispatch of one attempt, and grows over everything a coordinator's data directory ever
/// dispatches; whoever holds an older fence of a task holds nothing.
///
/// The upper bits are the coordinator's epoch, the lower 40 count within it, so that a fence never has
/// to be written down before it is used: the epoch is, once a start.
public struct Fence: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: Int64
  public init(_ value: Int64) { self.value = value }
  public init(epoch: Epoch, counter: Int64) { value = epoch.value << 40 | counter }
  public static func < (a: Fence, b: Fence) -> Bool { a.value < b.value }
  public var description: String { "\(value)" }
}

/// How often this data directory's coordinator was started; the first start is 1.
public struct Epoch: Hashable, Comparable, Sendable {
  public let value: Int64
  public init(_ value: Int64) { self.value = value }
  public static func < (a: Epoch, b: Epoch) -> Bool { a.value < b.value }
}

/// An agent's number in this coordinator's data directory: dense, from 0, one for each name ever seen.
public struct AgentID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: Int32
  public init(_ value: Int32) { self.value = value }
  public static func < (a: AgentID, b: AgentID) -> Bool { a.value < b.value }
  public var description: String { "\(value)" }
}

/// One life of one agent's process: the agent's data directory, the host's boot and the directory's count
/// of starts. Attempts belong to an incarnation and die with it.
public struct Incarnation: Hashable, Sendable {
  /// Random, made once with the agent's data directory: tells a restarted agent from another one of the
  /// same name.
  public let directoryID: String
  public let bootID: String
  /// From 1.
  public let startNumber: Int64
  public init(directoryID: String, bootID: String, startNumber: Int64) {
    self.directoryID = directoryID
    self.bootID = bootID
    self.startNumber = startNumber
  }
}
