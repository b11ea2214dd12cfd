/// What the coordinator says to an agent. A frame holds one of these or an array of them.
///
/// After `hello` the coordinator answers `welcome` or `refused`; it sends nothing else until the agent's
/// list of attempts has ended.
public enum ToAgent: Hashable, Sendable {
  case welcome(Welcome)
  /// The connection ends after this. `retryable` says whether the same hello may hold later.
  case refused(code: RefusalCode, message: String, retryable: Bool)
  /// Run this attempt when there is room, in the order of arrival. Known already: answer its state again.
  case start(Start)
  /// Give this attempt back if it has not started: answered by `revoked` or, where it did, `started`.
  case revoke(Fence)
  /// TERM, grace, KILL; answered by `ended` once no process of it is left (or `revoked` if it never started).
  case kill(Fence, graceSeconds: Int32?, reason: String)
  /// These ends are committed: the agent need not send them again.
  case endsAcknowledged([Fence])
  /// Output up to `offset` of that stream is committed.
  case outputAcknowledged(Fence, OutputStream, offset: Int64)
  /// Answers the heartbeat of that number.
  case heartbeatAcknowledged(Int64)

  public struct Welcome: Hashable, Sendable {
    public var version: Int
    public var epoch: Epoch
    public var heartbeatMilliseconds: Int64
    public var leaseMilliseconds: Int64
    public init(version: Int, epoch: Epoch, heartbeatMilliseconds: Int64, leaseMilliseconds: Int64) {
      self.version = version
      self.epoch = epoch
      self.heartbeatMilliseconds = heartbeatMilliseconds
      self.leaseMilliseconds = leaseMilliseconds
    }
  }

  public struct Start: Hashable, Sendable {
    public var fence: Fence
    public var run: RunID
    public var task: String
    public var number: AttemptNumber
    public var job: Job
    public var lease: TaskLease
    public init(
      fence: Fence, run: RunID, task: String, number: AttemptNumber, job: Job, lease: TaskLease = .standard
    ) {
      self.fence = fence
      self.run = run
      self.task = task
      self.number = number
      self.job = job
      self.lease = lease
    }
  }

  public enum RefusalCode: String, CaseIterable, Sendable {
    case badToken, versionUnknown, nameInUse, badHello, stopping
  }
}
