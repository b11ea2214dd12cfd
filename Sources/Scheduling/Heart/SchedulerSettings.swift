public import Protocol

/// The bounds the Scheduler works within.
public struct SchedulerSettings: Sendable {
  /// An agent silent for longer than this lease is lost at `requeuePercent` of it.
  public var lease = Period.seconds(300)
  /// Of the lease, after which the attempts of a silent agent are run elsewhere. The agent itself ended
  /// them at 90 %.
  public var requeuePercent: Int64 = 110
  /// An agent silent for this long gets nothing new (or half the lease, the smaller).
  public var suspectAfter = Period.seconds(15)
  /// Attempts lost with their agent before a task is ERRORED.
  public var maxLost: Int32 = 5
  /// Proven deaths of agents' processes with the task running before it is taken for their cause.
  public var poisonDeaths: Int32 = 3
  /// How much work may wait at an agent beside what runs: about what it starts within this time.
  public var backlogWindow = Period.milliseconds(20)
  /// And so many tasks at most: an agent makes some thousand processes a second however many slots it has, and what
  /// waits takes memory on both sides.
  public var backlogTasks = 96
  /// A family whose tasks run longer never waits at one agent while another may be free.
  public var backlogTaskLimit = Period.milliseconds(100)
  /// A task that others overtook for this long gets an agent reserved.
  public var overtakingLimit = Period.seconds(60)

  public init() {}

  var suspectPeriod: Period {
    min(suspectAfter, Period(nanoseconds: lease.nanoseconds / 2))
  }
}
