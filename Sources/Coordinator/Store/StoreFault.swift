import SQLite
import System

/// Why storage does not do what it must. After a failed write nothing may be answered or sent any more:
/// whoever gets one of these from a commit ends the program (exit code 70) and recovers from disk.
struct StoreFault: Error, Sendable, CustomStringConvertible {
  enum Kind: Hashable, Sendable {
    /// Another process has the data directory.
    case inUse
    case notWritable
    /// Written by a later version of this program, or not by this program at all.
    case unknownSchema
    /// Another coordinator has counted the epoch up: this one may write no more.
    case takenOver
    case full
    case corrupt
    case failed
  }

  var kind: Kind
  /// Says how to mend it.
  var message: String
  var cause: SQLiteFault?

  init(_ kind: Kind, _ message: String, cause: SQLiteFault? = nil) {
    self.kind = kind
    self.message = message
    self.cause = cause
  }

  /// `doing`: what failed, as in "writing state.db".
  init(_ cause: SQLiteFault, doing: String) {
    kind =
      switch cause.kind {
      case .full: .full
      case .notWritable: .notWritable
      case .corrupt: .corrupt
      case .busy: .inUse
      case .io, .other: .failed
      }
    message = "\(doing) failed: \(cause)"
    self.cause = cause
  }

  /// A file beside the databases was refused.
  init(_ cause: SystemError) {
    kind =
      switch cause.code {
      case .noSpace: .full
      case .notPermitted: .notWritable
      case .notFound, .locked, .addressInUse, .invalid, .other: .failed
      }
    message = cause.message
  }

  var description: String { message }
}

/// Runs what SQLite may refuse and says what was being done.
func storing<Result>(
  _ doing: @autoclosure () -> String, _ body: () throws(SQLiteFault) -> Result
) throws(StoreFault) -> Result {
  do { return try body() } catch { throw StoreFault(error, doing: doing()) }
}
