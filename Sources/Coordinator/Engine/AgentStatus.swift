import Protocol
import Scheduling

/// An agent as `/v1/agents` shows it.
struct AgentStatus: Sendable {
  var row: AgentRow
  var isConnected: Bool
  var used: ResourceVector
  var running: Int
  var waiting: Int
  /// Why it takes no new work, by its own words; "": it does.
  var unfitness: String

  /// What takes nothing new by its own words drains as if it had been told to.
  var state: AgentState { row.state == .active && !unfitness.isEmpty ? .draining : row.state }
}
