import Protocol
import Scheduling

/// What one side wrote in one go, under way to the other.
struct Segment {
  enum Content {
    /// The agent's first words; what they say stands in the connection.
    case hello
    case toCoordinator
    case toAgent
    /// The other side is gone: nothing follows.
    case end
  }
  var content = Content.end
  var arrival: Int64 = 0
  /// Arrays that are kept and filled again.
  var up: [ToCoordinator] = []
  var down: [ToAgent] = []
}

/// One direction of a connection: segments arrive in the order in which they were sent, or not at all.
struct Pipe {
  var queue: [Int32] = []
  var head = 0
  var lastArrival: Int64 = 0
  /// Its first segment is on the agenda.
  var isExpected = false
  /// Its first segment cannot be taken: the link is cut, or who should read is frozen or has no power.
  var isHeld = false

  var isEmpty: Bool { head == queue.count }

  mutating func reset() {
    queue.removeAll(keepingCapacity: true)
    head = 0
    lastArrival = 0
    isExpected = false
    isHeld = false
  }

  mutating func removeFirst() -> Int32 {
    let first = queue[head]
    head += 1
    if head == queue.count {
      queue.removeAll(keepingCapacity: true)
      head = 0
    }
    return first
  }
}

/// A TCP connection between an agent and the coordinator, with what both ends keep of it.
struct Connection {
  enum Direction: Int { case up, down }

  /// The coordinator's side, as `AgentSession` has it.
  enum Session {
    case awaitsHello
    case admitted
    case refused
  }

  var agent = 0
  /// Whether each end believes in it.
  var isOpenAtAgent = true
  var isOpenAtCoordinator = true
  var session = Session.awaitsHello
  /// The Engine knows the session: it arrived, and neither left nor was sent away.
  var isKnownToEngine = false
  /// What the hello says: of the agent's start that made the connection.
  var arrival = AgentArrival(
    session: SessionID(0), name: "", incarnation: Incarnation(directoryID: "", bootID: "", startNumber: 0),
    capacity: .zero)
  /// How far each attempt's output was acknowledged on it.
  var acknowledged: [(fence: Fence, end: Int64)] = []
  /// What the Engine has gathered for it in this turn.
  var gathered: [ToAgent] = []

  mutating func reset(agent: Int) {
    self.agent = agent
    isOpenAtAgent = true
    isOpenAtCoordinator = true
    session = .awaitsHello
    isKnownToEngine = false
    acknowledged.removeAll(keepingCapacity: true)
    gathered.removeAll(keepingCapacity: true)
  }
}
