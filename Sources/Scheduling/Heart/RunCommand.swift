public import Protocol

/// What a person asks of a run or a task; answered once it is committed.
public enum RunCommand: Sendable {
  case kill(RunID)
  case killTask(RunID, TaskIndex)
  case pause(RunID)
  /// PATCH to QUEUED: resumes a paused run, restarts a final one.
  case queue(RunID)
  /// Runs a finished task again, and with `downstream` what follows it.
  case queueTask(RunID, TaskIndex, downstream: Bool)
}
