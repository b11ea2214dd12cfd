import Protocol
import Scheduling

/// What the routes ask of the Engine; reading goes past it, by `StoreReader`.
///
/// Each reply is called exactly once, from any thread, when what it says is on stable storage.
protocol RunService: Sendable {
  /// Whether submissions and commands are taken: false before recovery is done and while stopping.
  var isServing: Bool { get }
  /// Whether nothing is accepted or started for want of room on the disk.
  var isDiskFull: Bool { get }
  func submit(_ plan: RunPlan, reply: @escaping @Sendable (Result<RunID, Refusal>) -> Void)
  func perform(_ command: RunCommand, reply: @escaping @Sendable (Result<Void, Refusal>) -> Void)
  func agents(reply: @escaping @Sendable ([AgentStatus]) -> Void)
}
