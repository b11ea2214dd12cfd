/// The coordinator's answers, as far as they are shown.

/// An item of `/v1/dagruns`.
struct RunSummary: Decodable, Hashable {
  var runID: Int64
  var tag: String
  var state: String
  var startTime: String
  var lastUpdate: String
  var taskCounts: [String: Int]

  static let finalStates = ["COMPLETED", "ERRORED", "KILLED"]
  var isFinal: Bool { Self.finalStates.contains(state) }
}

/// `/v1/dagrun/{runid}`, without the tasks' texts.
struct WholeRun: Decodable {
  struct Attempt: Decodable {
    var startTime: String
    var stopTime: String
    var rc: Int32
    var state: String?
  }
  struct StateChange: Decodable {
    var time: String
    var state: String
  }
  var runID: Int64
  var tag: String
  var taskStates: [String: String]
  var taskAttempts: [String: [Attempt]]
  var dagStateChanges: [StateChange]
  var killRequested: Bool?
}

/// An item of `/v1/agents`.
struct AgentSummary: Decodable, Hashable {
  var name: String
  var state: String
  /// Why it takes no new work.
  var reason: String?
  var cores: Double
  var memoryMB: Double
  var coresUsed: Double
  var memoryMBUsed: Double
  var labels: [String: String]?
  var version: String?
}

struct RunNumber: Decodable { var runID: Int64 }
struct StateName: Decodable { var state: String }

/// `/v1/dagrun/validate`.
struct Validity: Decodable {
  var valid: Bool
  var errors: [Refusal.Fault]?
  var warnings: [Refusal.Fault]?
}
