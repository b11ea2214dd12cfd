import Protocol
import Scheduling

/// The network between agents and coordinator.
///
/// The model, which is TCP's as programs see it:
/// - Within a direction of a connection bytes arrive in order and once, or the connection ends there. A frame
///   arrives whole (cutting frames is tested by itself).
/// - A lost packet is a delay: everything behind it waits for its retransmission, 200 ms or more.
/// - A link can be cut, both ways or one way. What was under way waits, and arrives after the cut, unless an end
///   gives up first. With one way cut, what goes the other way still arrives.
/// - An end may break alone: the other believes in the connection until it says something there and is told
///   (a reset), or for ever. What it had sent before may still arrive, or a part of it from the beginning on.
/// - A process that dies closes its connections; a host that loses power says nothing.
/// - A process that is stopped still has its kernel: connections are made, and bytes wait for it.
/// - Across connections there is no order: what an old connection carried arrives after the hello of the next
///   one, also a hello, so that one agent's hello may come twice and the older one later.
///
/// Packets that are duplicated or reordered within a connection are TCP's to mend and are not modelled.
struct Network: ~Copyable {
  struct Link {
    /// Cut until this time.
    var upCutUntil: Int64 = 0
    var downCutUntil: Int64 = 0
    var isLossyUntil: Int64 = 0
    var random = SeededRandom(0)

    mutating func delay(_ latency: Int64, at now: Int64) -> Int64 {
      var delay = latency / 2 + random.below(latency)
      if now < isLossyUntil {
        var wait = Network.retransmission
        while random.chance(percent: 35), wait < 4 * TrueTime.second {
          delay += wait
          wait *= 2
        }
      }
      return delay
    }
  }

  /// Retransmission timeout: Linux's least (TCP_RTO_MIN).
  static let retransmission = 200 * TrueTime.millisecond

  var links = Kept<Link>()
  var connections = Kept<Connection>()
  /// Two for each connection.
  var pipes = Kept<Pipe>()
  var segments = Kept<Segment>(capacity: 64)
  /// The first that is free; −1: all are under way.
  private var firstFree: Int32 = -1
  private var latency: Int64 = 0

  mutating func reset(seed: UInt64, agents: Int, latency: Int64) {
    links.use(agents) { Link() }
    for agent in 0..<agents { links[agent] = Link(random: SeededRandom(seed, 0x11_4C, UInt64(agent))) }
    for connection in connections.indices {
      drop(connection, .up)
      drop(connection, .down)
    }
    connections.empty()
    pipes.empty()
    self.latency = latency
  }

  mutating func connect(_ agent: Int) -> Int {
    let index = connections.add { Connection() }
    connections[index].reset(agent: agent)
    pipes[pipes.add { Pipe() }] = Pipe()
    pipes[pipes.add { Pipe() }] = Pipe()
    return index
  }

  static func pipe(_ connection: Int, _ direction: Connection.Direction) -> Int {
    2 * connection + direction.rawValue
  }

  @inline(__always)
  func isCutUp(_ agent: Int, at now: Int64) -> Bool { now < links[agent].upCutUntil }
  func isCutDown(_ agent: Int, at now: Int64) -> Bool { now < links[agent].downCutUntil }

  mutating func delay(_ agent: Int, at now: Int64) -> Int64 {
    links[agent].delay(latency, at: now)
  }

  // MARK: Segments

  mutating func takeSegment(_ content: Segment.Content) -> Int32 {
    let segment = firstFree
    if segment < 0 {
      return Int32(segments.add { Segment(content: content) })
    }
    firstFree = segments[Int(segment)].next
    segments[Int(segment)].content = content
    return segment
  }

  mutating func free(_ segment: Int32) {
    segments[Int(segment)].up.empty()
    segments[Int(segment)].down.empty()
    segments[Int(segment)].next = firstFree
    firstFree = segment
  }

  /// Puts a segment at the pipe's end; answers when it is to be put on the agenda, nil: another of the pipe is.
  mutating func send(
    _ segment: Int32, on connection: Int, _ direction: Connection.Direction, at now: Int64
  ) -> Int64? {
    let pipe = Self.pipe(connection, direction)
    let time = now + delay(connections[connection].agent, at: now)
    let arrival = pipes[pipe].append(segment, arriving: time, in: &segments)
    if pipes[pipe].isExpected || pipes[pipe].isHeld { return nil }
    pipes[pipe].isExpected = true
    return arrival
  }

  /// The pipe must not be empty.
  mutating func removeFirst(_ pipe: Int) -> Int32 {
    let segment = pipes[pipe].first
    pipes[pipe].first = segments[Int(segment)].next
    return segment
  }

  /// What is still under way there is lost, but for the first `kept` segments.
  mutating func drop(_ connection: Int, _ direction: Connection.Direction, keeping kept: Int = 0) {
    let pipe = Self.pipe(connection, direction)
    var lost = pipes[pipe].cut(keeping: kept, in: &segments)
    while lost >= 0 {
      let next = segments[Int(lost)].next
      free(lost)
      lost = next
    }
    if pipes[pipe].isEmpty { pipes[pipe].isHeld = false }
  }

  /// When the first segment arrives; nil: there is none.
  @inline(__always)
  func firstArrival(_ pipe: Int) -> Int64? {
    let first = pipes[pipe].first
    return first < 0 ? nil : segments[Int(first)].arrival
  }
}
