import Protocol
import Scheduling

// Segments travel, and connections end.
extension World {
  mutating func send(_ segment: Int32, on c: Int, _ direction: Connection.Direction) {
    guard let time = network.send(segment, on: c, direction, at: now) else { return }
    agenda.enter(direction == .up ? .arrivesAtCoordinator : .arrivesAtAgent, c, at: time)
  }

  /// Says that this end is gone.
  private mutating func sendEnd(on c: Int, _ direction: Connection.Direction) {
    send(network.takeSegment(.end), on: c, direction)
  }

  // MARK: At the coordinator

  /// False: nothing came of it yet.
  mutating func arrivesAtCoordinator(_ c: Int) -> Bool {
    guard isDue(c, .up) else { return false }
    let a = network.connections[c].agent
    let isOpen = network.connections[c].isOpenAtCoordinator
    if network.isCutUp(a, at: now) || !coordinator.hasPower || (isOpen && !coordinator.isReading(at: now)) {
      network.pipes[Network.pipe(c, .up)].isHeld = true
      return false
    }
    if !isOpen {
      // Nobody has that connection: whoever sends there is told so.
      network.drop(c, .up)
      if network.connections[c].isOpenAtAgent { sendEnd(on: c, .down) }
      return false
    }
    let segment = Int(network.removeFirst(Network.pipe(c, .up)))
    let content = network.segments[segment].content
    var messages: [ToCoordinator] = []
    swap(&messages, &network.segments[segment].up)
    expectNext(c, .up, notBefore: now)
    hasOnlyHeartbeats = content == .toCoordinator && messages.allSatisfy(\.isHeartbeat)
    switch content {
    case .hello: admit(c)
    case .toCoordinator: take(c, &messages)
    case .end: sessionEnded(c)
    case .toAgent: break
    }
    swap(&messages, &network.segments[segment].up)
    network.free(Int32(segment))
    return true
  }

  /// The coordinator's end closes: what comes on it is not read any more.
  mutating func closeAtCoordinator(_ c: Int) {
    guard network.connections[c].isOpenAtCoordinator else { return }
    network.connections[c].isOpenAtCoordinator = false
    sendEnd(on: c, .down)
  }

  // MARK: At the agent

  mutating func arrivesAtAgent(_ c: Int) -> Bool {
    guard isDue(c, .down) else { return false }
    let a = network.connections[c].agent
    let isOpen = network.connections[c].isOpenAtAgent
    if network.isCutDown(a, at: now) || !agents[a].hasPower || (isOpen && !acts(a)) {
      network.pipes[Network.pipe(c, .down)].isHeld = true
      return false
    }
    if !isOpen {
      network.drop(c, .down)
      if network.connections[c].isOpenAtCoordinator { sendEnd(on: c, .up) }
      return false
    }
    let segment = Int(network.removeFirst(Network.pipe(c, .down)))
    let content = network.segments[segment].content
    var messages: [ToAgent] = []
    swap(&messages, &network.segments[segment].down)
    expectNext(c, .down, notBefore: now)
    hasOnlyHeartbeats = content == .toAgent && messages.allSatisfy(\.isHeartbeat)
    let life = agents[a].lifeNumber
    switch content {
    case .toAgent: linkReceived(a, &messages)
    case .end:
      network.connections[c].isOpenAtAgent = false
      if agents[a].connection == c { linkClosed(a) }
    case .hello, .toCoordinator: break
    }
    swap(&messages, &network.segments[segment].down)
    network.free(Int32(segment))
    if agents[a].lifeNumber == life { endOfTurn(a) }
    return true
  }

  /// The agent's end closes, or its process is gone. What it sent may all arrive, or a part of it (a reset
  /// overtakes what was not delivered).
  mutating func closeAtAgent(_ a: Int) {
    let c = agents[a].connection
    guard c >= 0 else { return }
    agents[a].connection = -1
    guard network.connections[c].isOpenAtAgent else { return }
    network.connections[c].isOpenAtAgent = false
    network.drop(c, .down)
    if agents[a].random.chance(percent: 30) { network.drop(c, .up, keeping: agents[a].random.below(3)) }
    sendEnd(on: c, .up)
  }

  // MARK: Both

  /// Whether the first segment's time has come; if not, it is put on the agenda again.
  private mutating func isDue(_ c: Int, _ direction: Connection.Direction) -> Bool {
    let pipe = Network.pipe(c, direction)
    network.pipes[pipe].isExpected = false
    if network.pipes[pipe].isHeld { return false }
    guard let arrival = network.firstArrival(pipe) else { return false }
    if arrival <= now { return true }
    expectNext(c, direction, notBefore: now)
    return false
  }

  private mutating func expectNext(_ c: Int, _ direction: Connection.Direction, notBefore time: Int64) {
    let pipe = Network.pipe(c, direction)
    guard !network.pipes[pipe].isExpected, let arrival = network.firstArrival(pipe) else { return }
    network.pipes[pipe].isExpected = true
    agenda.enter(
      direction == .up ? .arrivesAtCoordinator : .arrivesAtAgent, c, at: max(time, arrival))
  }

  /// What was held for this agent's link, or for its host, goes on.
  mutating func wakeHeld(_ a: Int) {
    for c in network.connections.indices where network.connections[c].agent == a {
      wake(c, .up)
      wake(c, .down)
    }
  }

  /// What was held for the coordinator's host or process goes on.
  mutating func wakeHeldUp() {
    for c in network.connections.indices { wake(c, .up) }
  }

  private mutating func wake(_ c: Int, _ direction: Connection.Direction) {
    let pipe = Network.pipe(c, direction)
    if !network.pipes[pipe].isHeld { return }
    network.pipes[pipe].isHeld = false
    expectNext(c, direction, notBefore: now + network.delay(network.connections[c].agent, at: now))
  }

  // MARK: Faults

  mutating func cut(_ a: Int, up: Bool, down: Bool, period: Int64) {
    if isLogging {
      note(
        "the link of \(agents[a].name) is cut \(up ? (down ? "both ways" : "towards the coordinator") : "towards the agent") for \(period / TrueTime.millisecond) ms"
      )
    }
    if up { network.links[a].upCutUntil = max(network.links[a].upCutUntil, now + period) }
    if down { network.links[a].downCutUntil = max(network.links[a].downCutUntil, now + period) }
    let retransmission = agents[a].random.below(2) * Network.retransmission
    agenda.enter(.linkHeals, a, at: now + period + retransmission)
  }

  /// An end, or both, takes the connection for broken.
  mutating func breakConnection(_ a: Int, atAgent: Bool, atCoordinator: Bool) {
    let c = agents[a].connection
    guard c >= 0, network.connections[c].isOpenAtAgent else { return }
    if isLogging {
      note(
        "connection \(c) of \(agents[a].name) breaks\(atAgent ? " at the agent" : "")\(atCoordinator ? " at the coordinator" : "")"
      )
    }
    if atCoordinator, network.connections[c].isOpenAtCoordinator, coordinator.isReading(at: now) {
      network.connections[c].isOpenAtCoordinator = false
      network.drop(c, .up)
      sessionClosed(c)
    }
    if atAgent, acts(a) {
      network.connections[c].isOpenAtAgent = false
      agents[a].connection = -1
      network.drop(c, .down)
      // Nothing says so to the coordinator; what was sent before arrives, or not.
      network.drop(c, .up, keeping: agents[a].random.below(4))
      let life = agents[a].lifeNumber
      linkClosed(a)
      if agents[a].lifeNumber == life { endOfTurn(a) }
    }
  }
}

extension ToCoordinator {
  fileprivate var isHeartbeat: Bool {
    if case .heartbeat = self { true } else { false }
  }
}

extension ToAgent {
  fileprivate var isHeartbeat: Bool {
    if case .heartbeatAcknowledged = self { true } else { false }
  }
}
