/// What `caravan` tells the shell.
public enum ExitCode: Int32, Sendable {
  case fine = 0
  /// The thing itself failed: the run did not end COMPLETED, the DAG does not hold.
  case failed = 1
  /// The command line is wrong.
  case usage = 2
  /// The coordinator cannot be reached, or is not found.
  case unreachable = 3
  /// The coordinator refuses: 401, 403, 404, 409, …
  case refused = 4

  var meaning: String {
    switch self {
    case .fine: "fine"
    case .failed: "it failed: the run did not end COMPLETED, the DAG does not hold"
    case .usage: "wrong usage; the message names the nearest known word"
    case .unreachable: "the coordinator cannot be reached"
    case .refused: "the coordinator refuses (not allowed, not there, not in this state)"
    }
  }
  static let all: [ExitCode] = [.fine, .failed, .usage, .unreachable, .refused]
}

/// Why a command ends: one line that says what is wrong and how to mend it.
struct CommandFault: Error, Hashable, CustomStringConvertible {
  let code: ExitCode
  let message: String
  var description: String { message }

  init(_ code: ExitCode, _ message: String) {
    self.code = code
    self.message = message
  }
}
