/// Something that people, hosts or the network do to the world at some moment. What it is done to, and how,
/// is drawn from its own seed: so that any step can be left out and the others stay what they are.
public struct Step: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    // People.
    case submit, killRun, killTask, pauseRun, queueRun, restartRun, queueTask, queueTaskAndBelow
    // The coordinator.
    case crashCoordinator, stopCoordinator, freezeCoordinator, slowDisk, coordinatorWallJump
    // Agents and their hosts.
    case crashAgent, stopAgent, freezeAgent, crashHost, agentWallJump, wipeAgent, unfitAgent, replaceProgram
    // The network.
    case cutBothWays, cutToCoordinator, cutToAgent, flappingLink, lossyLink, breakConnection
  }

  /// True time since the beginning, in microseconds.
  public var microseconds: Int64
  public var kind: Kind
  public var seed: UInt32

  public init(microseconds: Int64, kind: Kind, seed: UInt32) {
    self.microseconds = microseconds
    self.kind = kind
    self.seed = seed
  }
}
