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
  /// The one behind it in its pipe, or among those that are free; −1: none.
  var next: Int32 = -1
  /// Arrays that are kept and filled again.
  var up: [ToCoordinator] = []
  var down: [ToAgent] = []
}

/// One direction of a connection: segments arrive in the order in which they were sent, or not at all.
///
/// A chain through the segments, as most pipes hold one or two.
struct Pipe {
  var first: Int32 = -1
  private var last: Int32 = -1
  private var lastArrival: Int64 = 0
  /// Its first segment is on the agenda.
  var isExpected = false
  /// Its first segment cannot be taken: the link is cut, or who should read is frozen or has no power.
  var isHeld = false

  var isEmpty: Bool {
    @inline(__always) get { first < 0 }
  }

  /// Not before what was sent before it.
  mutating func append(_ segment: Int32, arriving time: Int64, in segments: inout Kept<Segment>) -> Int64 {
    lastArrival = max(lastArrival, time)
    segments[Int(segment)].arrival = lastArrival
    segments[Int(segment)].next = -1
    if isEmpty { first = segment } else { segments[Int(last)].next = segment }
    last = segment
    return lastArrival
  }

  /// Cuts off all but the first `kept`; answers the first of the others, −1: there are none.
  mutating func cut(keeping kept: Int, in segments: inout Kept<Segment>) -> Int32 {
    var before: Int32 = -1
    var rest = first
    for _ in 0..<kept where rest >= 0 {
      before = rest
      rest = segments[Int(rest)].next
    }
    last = before
    if before < 0 { first = -1 } else { segments[Int(before)].next = -1 }
    return rest
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
  /// When the agent read its welcome, and the coordinator's life at that moment.
  var welcomed: (at: Int64, life: Int32) = (0, 0)
  /// As the coordinator knows it, once it arrived.
  var agentID = AgentID(0)
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
    acknowledged.empty()
    gathered.empty()
  }
}
