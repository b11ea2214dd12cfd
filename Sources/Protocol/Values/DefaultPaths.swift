/// Where the programs keep their data when nobody says otherwise: coordinator, agent and client agree on it,
/// so that the client finds the coordinator's address and token, and an agent on the same host its token.
public enum DefaultPaths {
  /// The data directory of a program on a host.
  ///
  /// `/var/lib/caravan/…` for root, else `$XDG_DATA_HOME/caravan/…` or `$HOME/.local/share/caravan/…` (XDG
  /// Base Directory Specification: a relative `XDG_DATA_HOME` is to be ignored). nil where neither says
  /// anything: then the user has to.
  public static func coordinator(environment: [String: String], userID: UInt32) -> String? {
    base(environment, userID).map { $0 + "/coordinator" }
  }

  public static func agent(environment: [String: String], userID: UInt32) -> String? {
    base(environment, userID).map { $0 + "/agent" }
  }

  private static func base(_ environment: [String: String], _ userID: UInt32) -> String? {
    if userID == 0 { return "/var/lib/caravan" }
    if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return trimmed(data) + "/caravan" }
    if let home = environment["HOME"], home.hasPrefix("/") { return trimmed(home) + "/.local/share/caravan" }
    return nil
  }

  private static func trimmed(_ path: String) -> String {
    var path = path[...]
    while path.last == "/" { path = path.dropLast() }
    return String(path)
  }

  /// In the coordinator's data directory: `{"http": "host:port", "agents": "host:port", "pid": n}`.
  public static let endpointsFile = "endpoints.json"
  /// In the coordinator's data directory: the token of the REST API.
  public static let adminTokenFile = "admin.token"
  /// In the coordinator's data directory: the token of agents on this host.
  public static let agentTokenFile = "agent.token"
}
