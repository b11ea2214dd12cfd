import Protocol
import Scheduling

/// A run read back whole, for the Scheduler to go on with.
struct StoredRun {
  struct Part {
    var part: Int32
    /// nil: the submitted document.
    var generator: TaskIndex?
    var document: [UInt8]
    var isDropped: Bool
  }
  var row: RunRow
  /// In order, part 0 first.
  var parts: [Part]
  /// `TaskByte.raw` of every task of the dense index.
  var bytes: [UInt8]
  var histories: [(task: TaskIndex, history: TaskHistory)]
  /// The rows behind the bytes that say `isAlive` or `isExpanding`, and those whose result is awaited.
  var open: [AttemptRow]
}

/// What a coordinator finds when it starts.
struct StoredState {
  /// Already counted up and committed.
  var epoch: Epoch
  var nextRun: RunID
  var agents: [AgentRow]
  /// All that are not final.
  var runs: [StoredRun]
}
