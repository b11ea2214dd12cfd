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
struct Network {
  struct Link {
    /// Cut until this time.
    var upCutUntil: Int64 = 0
    var downCutUntil: Int64 = 0
    var isLossyUntil: Int64 = 0
    var random = SeededRandom(0)
  }

  /// Retransmission timeout: Linux's least (TCP_RTO_MIN).
  static let retransmission = 200 * TrueTime.millisecond

  var links: [Link] = []
  var connections: [Connection] = []
  /// In this history; what is beyond waits to be used again.
  private(set) var connectionCount = 0
  /// Two for each connection.
  var pipes: [Pipe] = []
  var segments: [Segment] = []
  private var freeSegments: [Int32] = []
  private var latency: Int64 = 0

  mutating func reset(seed: UInt64, agents: Int, latency: Int64) {
    links.removeAll(keepingCapacity: true)
    for agent in 0..<agents {
      links.append(Link(random: SeededRandom(seed, 0x11_4C, UInt64(agent))))
    }
    connectionCount = 0
    freeSegments.removeAll(keepingCapacity: true)
    for index in segments.indices.reversed() { free(Int32(index)) }
    self.latency = latency
  }

  mutating func connect(_ agent: Int) -> Int {
    let index = connectionCount
    if index == connections.count {
      connections.append(Connection())
      pipes.append(Pipe())
      pipes.append(Pipe())
    }
    connections[index].reset(agent: agent)
    pipes[2 * index].reset()
    pipes[2 * index + 1].reset()
    connectionCount += 1
    return index
  }

  static func pipe(_ connection: Int, _ direction: Connection.Direction) -> Int {
    2 * connection + direction.rawValue
  }

  func isCutUp(_ agent: Int, at now: Int64) -> Bool { now < links[agent].upCutUntil }
  func isCutDown(_ agent: Int, at now: Int64) -> Bool { now < links[agent].downCutUntil }

  mutating func delay(_ agent: Int, at now: Int64) -> Int64 {
    var delay = latency / 2 + links[agent].random.below(latency)
    if now < links[agent].isLossyUntil {
      var wait = Self.retransmission
      while links[agent].random.chance(percent: 35), wait < 4 * TrueTime.second {
        delay += wait
        wait *= 2
      }
    }
    return delay
  }

  // MARK: Segments

  mutating func takeSegment() -> Int32 {
    if let free = freeSegments.popLast() { return free }
    segments.append(Segment())
    return Int32(segments.count - 1)
  }

  mutating func free(_ segment: Int32) {
    segments[Int(segment)].up.removeAll(keepingCapacity: true)
    segments[Int(segment)].down.removeAll(keepingCapacity: true)
    freeSegments.append(segment)
  }

  /// Puts a segment at the pipe's end; answers when it is to be put on the agenda, nil: another of the pipe is.
  mutating func send(
    _ segment: Int32, on connection: Int, _ direction: Connection.Direction, at now: Int64
  ) -> Int64? {
    let pipe = Self.pipe(connection, direction)
    let arrival = max(now + delay(connections[connection].agent, at: now), pipes[pipe].lastArrival)
    segments[Int(segment)].arrival = arrival
    pipes[pipe].lastArrival = arrival
    pipes[pipe].queue.append(segment)
    if pipes[pipe].isExpected || pipes[pipe].isHeld { return nil }
    pipes[pipe].isExpected = true
    return arrival
  }

  /// What is still under way there is lost, but for the first `kept` segments.
  mutating func drop(_ connection: Int, _ direction: Connection.Direction, keeping kept: Int = 0) {
    let pipe = Self.pipe(connection, direction)
    while pipes[pipe].queue.count - pipes[pipe].head > kept { free(pipes[pipe].queue.removeLast()) }
    if pipes[pipe].isEmpty {
      pipes[pipe].queue.removeAll(keepingCapacity: true)
      pipes[pipe].head = 0
      pipes[pipe].isHeld = false
    }
  }

  /// When the first segment arrives; nil: there is none.
  func firstArrival(_ pipe: Int) -> Int64? {
    if pipes[pipe].isEmpty { return nil }
    return segments[Int(pipes[pipe].queue[pipes[pipe].head])].arrival
  }
}
