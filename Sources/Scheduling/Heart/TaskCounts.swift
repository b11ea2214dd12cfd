public import Protocol

/// Tasks by state, beside each other rather than in an array: every run has one, and every commit hands one on.
public struct TaskCounts: Sendable, Equatable {
  private var counts = InlineArray<8, Int32>(repeating: 0)

  init() {}

  public internal(set) subscript(state: TaskState) -> Int32 {
    @inline(__always) get { counts[Int(state.rawValue)] }
    @inline(__always) set { counts[Int(state.rawValue)] = newValue }
  }

  /// `count` tasks that say this.
  @inline(__always)
  mutating func add(_ byte: TaskByte, _ count: Int32 = 1) {
    counts[Int(byte.raw & TaskByte.stateMask)] += count
  }

  /// By `TaskState.rawValue`.
  public var all: [Int32] { TaskState.allCases.map { self[$0] } }

  /// A state that the other counts otherwise.
  func firstDifference(from other: TaskCounts) -> TaskState? {
    for i in counts.indices where counts[i] != other.counts[i] { return TaskState(rawValue: UInt8(i)) }
    return nil
  }

  public static func == (a: TaskCounts, b: TaskCounts) -> Bool { a.firstDifference(from: b) == nil }
}
