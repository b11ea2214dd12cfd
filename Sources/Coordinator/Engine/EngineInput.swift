import Protocol
import Scheduling

/// What reaches the Engine's inbox.
enum EngineInput: Sendable {
  case submit(RunPlan, @Sendable (Result<RunID, Refusal>) -> Void)
  case command(RunCommand, @Sendable (Result<Void, Refusal>) -> Void)
  case askAgents(@Sendable ([AgentStatus]) -> Void)
  /// An agent's hello was found right.
  case arrived(AgentSession, ToCoordinator.Hello)
  case said(SessionID, [ToCoordinator])
  case closed(SessionID, String)
  case expanded(Expansion.Answer)
  /// The disk is full, or has room again.
  case disk(isLow: Bool)
}
