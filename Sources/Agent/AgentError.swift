/// Why an agent cannot start or go on, in words, and the exit code that says which kind it is.
public struct AgentError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Exit: Int32, Sendable {
    case failed = 1
    case wrongFlags = 2
    /// The data directory is not writable, or in use.
    case storage = 70
  }
  public let exit: Exit
  public let message: String
  public var description: String { message }
  public init(_ exit: Exit, _ message: String) {
    self.exit = exit
    self.message = message
  }
}
