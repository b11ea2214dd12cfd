import Protocol
import Scheduling

/// An agent as `/v1/agents` shows it.
struct AgentStatus: Sendable {
  var row: AgentRow
  var isConnected: Bool
  var used: ResourceVector
  var running: Int
  var waiting: Int
}
