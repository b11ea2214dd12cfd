import Protocol

/// For how long and how much output is kept. Only the output of runs that have ended is ever removed, oldest end first.
struct LogLimits: Hashable, Sendable {
  /// From the run's end; nil: for ever.
  var age: Period?
  /// What output takes in `logs.db`; nil: whatever there is.
  var bytes: Int64?

  var keepsAll: Bool { age == nil && bytes == nil }

  /// How often it is looked whether something is to go.
  static let interval = Period.seconds(5)
  /// The same where nothing is limited, and only what an earlier process left unfinished could go.
  static let restingInterval = Period.seconds(300)
  var interval: Period { keepsAll ? Self.restingInterval : Self.interval }
  /// How often those are looked at again that were passed over: a clock that was set back, an attempt that was
  /// still awaited.
  static let rewalkInterval = Period.seconds(3600)
  /// An attempt that was lost by its agent's silence may still hand in output: the logs of its run stay so long.
  static let awaitedFor = Period.seconds(24 * 3600)
  /// What a step may remove before results have their turn again.
  static let bytesPerStep = 4 << 20
  static let attemptsPerStep = 1000
  /// Free room that stays in `logs.db` for what is printed next; what is beyond goes back to the file system.
  static let spareBytes: Int64 = 16 << 20
  /// Pages that a step gives back.
  static let pagesPerStep = 512
  /// Runs and attempts that are read from `state.db` at once.
  static let page = 500
}
