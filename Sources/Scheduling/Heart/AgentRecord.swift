public import Protocol

/// An agent, by its dense number.
public struct AgentRecord: Sendable {
  public let id: AgentID
  public let name: String
  /// The life that its attempts belong to. A later start's counts from the end of its list: what the earlier one
  /// had is lost in the same commit, and a crash in between forgets nothing.
  public internal(set) var incarnation: Incarnation
  /// A later start that said hello and has not listed yet.
  var arriving: Incarnation?
  public internal(set) var capacity: ResourceVector
  /// What placed and running attempts leave. Below zero for a moment where an end travels slower than the
  /// next start.
  public internal(set) var free: ResourceVector
  /// What a person or its silence made of it.
  public internal(set) var state: AgentState
  /// nil: not connected.
  public internal(set) var session: SessionID?
  /// Whether its list of attempts has come: nothing is sent to it before.
  public internal(set) var isListed = false
  public internal(set) var lastHeard: Instant
  /// It stops, its process died, or its lease was nearly over: nothing new for it until its next heartbeat, or what it hands
  /// back would come back to it at once, over and over.
  var hasHandedBack = false
  /// Why it takes no new work, by its own words; "": it does. It says so anew on each connection.
  public internal(set) var unfitness = ""

  /// Slots of its live attempts, in no order.
  var attempts: [Int32] = []
  /// Slots of those that wait there, in the order sent.
  var waiting: [Int32] = []
  /// Live attempts with a lease of their own: they may outlive this agent's.
  var ownLeases: Int32 = 0
  /// Live attempts that may be what agents die of: at most one, so that the next death tells which it is.
  var suspects: Int32 = 0
  /// One was running when its process died: what else is said to have died with it did so beside it.
  var hasLostSuspect = false
  /// Nanoseconds until what waits has likely started.
  var waitingWork: Int64 = 0
  /// The list as it comes in.
  var listing: [Fence: ToCoordinator.Held.Phase] = [:]
  /// Set aside for the head of this shape, which others overtook for too long.
  var reservedFor: ShapeIndex?

  init(
    id: AgentID, name: String, incarnation: Incarnation, capacity: ResourceVector, state: AgentState,
    at now: Instant
  ) {
    self.id = id
    self.name = name
    self.incarnation = incarnation
    self.capacity = capacity
    free = capacity
    self.state = state
    lastHeard = now
  }

  public var runningCount: Int { attempts.count - waiting.count }
  public var waitingCount: Int { waiting.count }
}
