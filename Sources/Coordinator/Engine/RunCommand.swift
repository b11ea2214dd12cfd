import Protocol
import Scheduling

/// What a person asks of a run or a task; answered once it is committed.
enum RunCommand: Sendable {
  case kill(RunID)
  case killTask(RunID, TaskIndex)
  case pause(RunID)
  /// PATCH to QUEUED: resumes a paused run, restarts a final one.
  case queue(RunID)
  /// Runs a finished task again, and with `downstream` what follows it.
  case queueTask(RunID, TaskIndex, downstream: Bool)
}

/// Why the Engine does not do what it was asked.
struct Refusal: Error, Hashable, Sendable {
  enum Kind: Sendable {
    case noSuchRun
    /// The state does not allow it; the message says from which states it works. 409.
    case conflict
    /// Stopping, or not yet serving. 503.
    case unavailable
    /// The disk is nearly full. 507.
    case diskFull
  }
  var kind: Kind
  var message: String
}

/// An agent as `/v1/agents` shows it.
struct AgentStatus: Sendable {
  var row: AgentRow
  var isConnected: Bool
  var used: ResourceVector
  var running: Int
  var waiting: Int
}
