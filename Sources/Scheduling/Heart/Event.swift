public import Protocol

/// All that can happen to a Scheduler. Time comes beside it; names and texts stay outside.
public enum Event: Sendable {
  case submitted(RunID, PlanGraph)
  case commanded(CommandID, RunCommand)
  case generatorExpanded(RunID, TaskIndex, Fence, GeneratorOutcome)

  /// An agent said hello and its token holds.
  case agentArrived(AgentArrival)
  /// A piece of the list of what the agent has; the last one ends it.
  case agentListed(AgentID, SessionID, [ToCoordinator.Held], isLast: Bool)
  case agentHeard(AgentID, SessionID)
  /// It was heard, and says that it takes work, if it had handed some back.
  case agentHeartbeat(AgentID, SessionID)
  /// It takes no new work, and why; "": it does again.
  case agentUnfit(AgentID, SessionID, reason: String)
  case agentDisconnected(AgentID, SessionID)
  case agentLeft(AgentID, SessionID, reason: String)

  case attemptStarted(AgentID, SessionID, Fence, at: WallTime)
  case attemptEnded(AgentID, SessionID, Fence, AttemptResult)
  case attemptRevoked(AgentID, SessionID, Fence)
  case attemptHandedBack(AgentID, SessionID, Fence, AttemptResult?)

  /// `Scheduler.nextDeadline` has come.
  case clockTicked
  /// The coordinator did not run for a while (it was stopped, or its host slept), and could hear nobody.
  case stoodStill
}

/// A question that waits for its answer.
public struct CommandID: Hashable, Sendable {
  public let value: Int64
  public init(_ value: Int64) { self.value = value }
}

/// One connection of an agent; grows with each.
public struct SessionID: Hashable, Comparable, Sendable {
  public let value: Int64
  public init(_ value: Int64) { self.value = value }
  public static func < (a: SessionID, b: SessionID) -> Bool { a.value < b.value }
}

public struct AgentArrival: Sendable {
  public var session: SessionID
  public var name: String
  public var incarnation: Incarnation
  public var capacity: ResourceVector
  public init(session: SessionID, name: String, incarnation: Incarnation, capacity: ResourceVector) {
    self.session = session
    self.name = name
    self.incarnation = incarnation
    self.capacity = capacity
  }
}

/// What became of a generator's output.
public enum GeneratorOutcome: Sendable {
  /// Family indices count over the whole run; `firstFamily` and `firstTask` are where the new ones begin.
  /// `moved`: tasks whose names were there before, dropped since: their attempts' numbers go on.
  case added(
    firstFamily: FamilyIndex, firstTask: TaskIndex, PlanGraph, moved: [(from: TaskIndex, to: TaskIndex)])
  /// The faults, in words.
  case refused(String)
}
