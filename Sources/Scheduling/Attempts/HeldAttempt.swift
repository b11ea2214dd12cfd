import Protocol

/// What an agent knows of one attempt.
///
/// ```
/// waiting → running → ended
/// waiting → ended                 it could not be executed
/// waiting → (forgotten)           revoked, killed or handed back
/// ended   → (forgotten)           some time after its acknowledgement
/// ```
enum HeldAttempt: Sendable {
  /// Its Start is in the queue.
  case waiting
  case running(Running)
  case ended(Ended)

  struct Running: Sendable {
    let job: Job
    /// On the wall clock, at fork.
    var start: WallTime
    /// When its time is over; nil: never.
    var timeLimit: Instant?
    var lease: TaskLease
    /// Its own lease was so far over that it was told to end.
    var isLeaseTermSent = false
    var stopping: Stopping?

    /// The job's own; nil: the agent's.
    var grace: Period? { job.killGraceSeconds.map { .seconds(Int64($0)) } }

    /// When the agent has to do something about it.
    var due: Instant? { stopping == nil ? timeLimit : stopping?.killAt }
  }

  /// An end that the agent brings about. The first cause sticks; a later one may only bring the kill nearer.
  struct Stopping: Sendable {
    enum Cause: Sendable {
      case killed(reason: String)
      case timeLimit
      case memoryLimit
      case leaseExpired
      case shutdown
    }
    var cause: Cause
    /// When SIGKILL is due; nil: it was sent.
    var killAt: Instant?
    /// SIGKILL was sent.
    var isKilled: Bool { killAt == nil }
  }

  struct Ended: Sendable {
    var result: AttemptResult
    var isAcknowledged: Bool
  }
}
