import Protocol
import Scheduling

// The agent's side of its connection, as `CoordinatorConnection` and `Dial` have it.
extension World {
  private static let dialTime = 10 * TrueTime.second
  private static let helloAnswerTime = Period.seconds(30)
  private static let farewellTime = 5 * TrueTime.second
  /// When a first packet that was not answered is sent again.
  private static let dialRetries = [1, 3, 7].map { $0 * TrueTime.second }

  mutating func dial(_ a: Int) {
    guard agents[a].link == .waiting else { return }
    agents[a].link = .dialing
    agents[a].dial += 1
    agents[a].dialBegan = now
    let roundTrip = network.delay(a, at: now) + network.delay(a, at: now)
    agenda.enter(.dialAnswered, a, at: now + roundTrip, generation: agents[a].dial)
  }

  mutating func dialAgain(_ a: Int) {
    let wait = agents[a].nextWait()
    agents[a].link = .waiting
    agenda.enter(.dialAgain, a, at: now + wait, generation: agents[a].lifeNumber)
  }

  /// False: nothing has come yet.
  mutating func dialAnswered(_ a: Int, _ dial: Int32) -> Bool {
    guard agents[a].link == .dialing, agents[a].dial == dial else { return false }
    if network.isCutUp(a, at: now) || network.isCutDown(a, at: now) || !coordinator.hasPower {
      let began = agents[a].dialBegan
      let isOver = now >= began + Self.dialTime
      if !isOver {
        let next = Self.dialRetries.first { began + $0 > now }.map { began + $0 } ?? began + Self.dialTime
        agenda.enter(.dialAnswered, a, at: next, generation: dial)
        return false
      }
    } else if coordinator.isListening {
      greet(a)
      endOfTurn(a)
      return true
    }
    dialAgain(a)
    return true
  }

  private mutating func greet(_ a: Int) {
    let c = network.connect(a)
    agents[a].connection = c
    agents[a].link = .greeting
    network.connections[c].arrival = AgentArrival(
      session: SessionID(Int64(c)), name: agents[a].name, incarnation: incarnation(a),
      capacity: agents[a].capacity)
    if isLogging { note("\(agents[a].name) connects (connection \(c)) and says hello") }
    tell(a, .helloSent(at: agents[a].clock.lease(now)))
    send(network.takeSegment(.hello), on: c, .up)
    let due = agents[a].clock.time(of: agents[a].clock.boot(now) + Self.helloAnswerTime)
    agenda.enter(.helloAnswerDue, a, at: due, generation: Int32(c))
  }

  @inline(__always)
  func incarnation(_ a: Int) -> Incarnation {
    Incarnation(
      directoryID: Names.directory(agents[a].directory),
      bootID: Names.boot(planted(.bootIDIgnored) ? 0 : agents[a].boot),
      startNumber: agents[a].startNumber)
  }

  mutating func helloAnswerDue(_ a: Int, _ c: Int32) -> Bool {
    guard agents[a].link == .greeting, agents[a].connection == Int(c) else {
      return false
    }
    closeAtAgent(a)
    dialAgain(a)
    return true
  }

  // MARK: In

  /// The messages are taken out of the array.
  mutating func linkReceived(_ a: Int, _ messages: inout [ToAgent]) {
    switch agents[a].link {
    case .greeting:
      switch messages[0] {
      case .welcome(let welcome):
        agents[a].link = .welcome
        agents[a].backoff = 0
        if isLogging { note("\(agents[a].name) is welcome") }
        expectKills(a)
        tell(a, .welcomed(welcome))
        received(a, &messages, from: 1)
      case .refused:
        if isLogging { note("\(agents[a].name) is refused") }
        closeAtAgent(a)
        dialAgain(a)
      default: preconditionFailure("a hello is answered by welcome or refused, not \(messages[0])")
      }
    case .welcome, .leaving: received(a, &messages, from: 0)
    case .waiting, .dialing, .stopped: break
    }
  }

  private mutating func received(_ a: Int, _ messages: inout [ToAgent], from first: Int) {
    let life = agents[a].lifeNumber
    for i in first..<messages.count {
      // It crashed over one of them.
      if agents[a].lifeNumber != life { return }
      received(a, messages.take(at: i, leaving: .heartbeatAcknowledged(0)))
    }
  }

  /// The connection is over, by whatever side.
  mutating func linkClosed(_ a: Int) {
    switch agents[a].link {
    case .greeting: dialAgain(a)
    case .welcome:
      if isLogging { note("\(agents[a].name) lost its connection") }
      agents[a].control.empty()
      agents[a].logs.empty()
      tell(a, .disconnected)
      for at in agents[a].outputs.indices {
        agents[a].outputs[at].waitingEnd = nil
        agents[a].outputs[at].sent = agents[a].outputs[at].acknowledged
        agents[a].outputs[at].moveToFile()
      }
      dialAgain(a)
    case .leaving: leaveForGood(a, isAnswered: true)
    case .waiting, .dialing, .stopped: break
    }
  }

  // MARK: Out

  /// Writes what this turn has gathered.
  mutating func flush(_ a: Int) {
    guard agents[a].link == .welcome else {
      agents[a].control.empty()
      agents[a].logs.empty()
      return
    }
    let c = agents[a].connection
    if !agents[a].control.isEmpty {
      let segment = network.takeSegment(.toCoordinator)
      swap(&network.segments[Int(segment)].up, &agents[a].control)
      send(segment, on: c, .up)
    }
    if !agents[a].logs.isEmpty {
      let segment = network.takeSegment(.toCoordinator)
      swap(&network.segments[Int(segment)].up, &agents[a].logs)
      send(segment, on: c, .up)
    }
  }

  mutating func sayGoodbye(_ a: Int, isLate: Bool) {
    let isWelcome = agents[a].link == .welcome
    let isWaiting = isWelcome && agents[a].outputs.contains { $0.waitingEnd != nil }
    if agents[a].hasSaidGoodbye || (isWaiting && !isLate) { return }
    agents[a].hasSaidGoodbye = true
    guard isWelcome else {
      agents[a].link = .stopped
      return leaveForGood(a)
    }
    agents[a].control.append(.goodbye(reason: "the agent was told to stop"))
    flush(a)
    agents[a].link = .leaving
    agenda.enter(.farewellDue, a, at: now + Self.farewellTime, generation: agents[a].lifeNumber)
  }
}
