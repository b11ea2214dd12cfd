public import Protocol
public import System

/// What the command line said, with everything filled in.
public struct AgentSettings: Sendable {
  /// What this build is called in hellos and `/v1/agents`.
  public static let software = "caravan-agent \(softwareVersion)"

  public var coordinator: HostPort
  public var dataDirectory: String
  public var name: String
  public var capacity: ResourceVector
  public var labels: [String: String]
  public var tokenFile: String
  /// A file that was asked for must be there; the default one appears when the coordinator first starts.
  public var isTokenFileGiven: Bool
  /// nil: `work` in the data directory.
  public var workDirectory: String?
  public var isRootAllowed: Bool
  /// Of each stream that a task prints.
  var outputCaps: OutputCaps
  /// What is there so long after SIGKILL is told of, and nothing new is taken.
  var stuckTime: Period
  /// Control groups are not to be used.
  public var avoidsGroups: Bool
}
