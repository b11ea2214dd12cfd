import Protocol

/// How much room is kept on the data directory's file system, and for what.
struct DiskLimits: Sendable {
  /// Kept free for the results of what was accepted: with less, nothing new is accepted or started.
  var reserveBytes: Int64 = 64 << 20
  /// So much more has to be free until it is again, lest one file that comes and goes turn it on and off.
  var marginBytes: Int64 = 16 << 20
  /// With less, the ballast is given up.
  var ballastFloorBytes: Int64 = 16 << 20
  /// A document is stored beside others' results, first in the log and then in the database: so many times
  /// its bytes must be free beyond the reserve.
  var bytesPerDocumentByte: Int64 = 2
  /// Between two looks, at least; more where much is free.
  var interval = Period.seconds(1)
  /// Bytes a second that no disk is filled faster by, and the longest time between two looks all the same.
  static let fastestFilling: Int64 = 1 << 30
  static let longestInterval = Period.seconds(60)
  /// How often what was refused is tried again.
  var retry = Period.milliseconds(250)
}
