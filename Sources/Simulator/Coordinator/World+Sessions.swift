import Protocol
import Scheduling

// The coordinator's side of a connection, as `AgentSession` has it: output to the logs, what must not overtake it
// behind it, all else to the Engine.
extension World {
  /// From a connection's first moment to its hello.
  private static let helloTime = 10 * TrueTime.second
  /// Bytes after which an agent is told how far its output is committed; small, as the window is.
  private static let outputAcknowledgementBytes: Int64 = 24

  mutating func admit(_ c: Int) {
    guard network.connections[c].session == .awaitsHello else { return }
    network.connections[c].session = .admitted
    post(.arrived(connection: c))
  }

  /// The messages are taken out of the array.
  mutating func take(_ c: Int, _ messages: inout [ToCoordinator]) {
    guard network.connections[c].session == .admitted else { return }
    let first = coordinator.said.count
    var pieces: [LogDisk.Piece] = []
    swap(&pieces, &takenPieces)
    var after: [ToCoordinator] = []
    swap(&after, &takenAfter)
    for i in messages.indices {
      let message = messages.take(at: i, leaving: .heartbeat(0))
      switch message {
      case .output(let fence, _, let offset, let bytes):
        pieces.append(
          LogDisk.Piece(
            fence: fence, attempt: oracle.index(of: fence), offset: offset, count: Int64(bytes.count)))
      case .ended(let fence, let result):
        if result.stdoutBytes > 0 { after.append(message) } else { coordinator.said.append(message) }
        forget(c, fence)
      case .handedBack(let fence, let result):
        if let result, result.stdoutBytes > 0 {
          after.append(message)
        } else {
          coordinator.said.append(message)
        }
        forget(c, fence)
      case .attempts(let held, _):
        after.append(message)
        for line in held { forget(c, line.fence) }
      case .goodbye: after.append(message)
      case .hello, .started, .revoked, .heartbeat, .unfit: coordinator.said.append(message)
      }
    }
    if first < coordinator.said.count {
      post(.said(connection: c, first..<coordinator.said.count))
    }
    // The process may have crashed over what was posted.
    if !pieces.isEmpty || !after.isEmpty, network.connections[c].isOpenAtCoordinator {
      coordinator.logs.waiting.append(c, pieces, after: after)
      if !coordinator.logs.isWriting { writeLogs() }
    }
    pieces.empty()
    swap(&pieces, &takenPieces)
    after.empty()
    swap(&after, &takenAfter)
  }

  private mutating func forget(_ c: Int, _ fence: Fence) {
    network.connections[c].acknowledged.removeAll { $0.fence == fence }
  }

  /// The other side closed it.
  mutating func sessionEnded(_ c: Int) {
    guard network.connections[c].isOpenAtCoordinator else { return }
    network.connections[c].isOpenAtCoordinator = false
    sessionClosed(c)
  }

  /// Behind all that was said on it.
  mutating func sessionClosed(_ c: Int) {
    guard network.connections[c].session == .admitted else { return }
    coordinator.logs.waiting.append(c, [], after: [], closes: true)
    if !coordinator.logs.isWriting { writeLogs() }
  }

  // MARK: The logs' writer

  private mutating func writeLogs() {
    while !coordinator.logs.waiting.works.isEmpty, !coordinator.logs.isWriting {
      swap(&coordinator.logs.waiting, &coordinator.logs.writing)
      coordinator.logs.isWriting = true
      if !coordinator.logs.writing.pieces.isEmpty {
        let time = tempo.commit(&coordinator.random, isSlow: now < coordinator.isSlowUntil)
        agenda.enter(.logsCommitted, 0, at: now + time, generation: coordinator.lifeNumber)
        return
      }
      tellWritten()
    }
  }

  mutating func logsCommitted() {
    coordinator.logs.commit()
    let life = coordinator.lifeNumber
    tellWritten()
    if coordinator.lifeNumber == life { writeLogs() }
  }

  private mutating func tellWritten() {
    var written = LogDisk.Queue()
    swap(&written, &coordinator.logs.writing)
    coordinator.logs.isWriting = false
    let life = coordinator.lifeNumber
    for work in written.works {
      let c = work.connection
      for i in work.pieces { acknowledgeOutput(c, written.pieces[i]) }
      if !work.after.isEmpty {
        let first = coordinator.said.count
        for i in work.after { coordinator.said.append(written.after[i]) }
        post(.said(connection: c, first..<coordinator.said.count))
      }
      if coordinator.lifeNumber != life { return }
      if work.closes { post(.closed(connection: c)) }
      if coordinator.lifeNumber != life { return }
    }
    written.empty()
    if coordinator.logs.writing.works.isEmpty { swap(&written, &coordinator.logs.writing) }
  }

  private mutating func acknowledgeOutput(_ c: Int, _ piece: LogDisk.Piece) {
    let end = piece.offset + piece.count
    let at: Int
    if let known = network.connections[c].acknowledged.firstIndex(where: { $0.fence == piece.fence }) {
      at = known
    } else {
      network.connections[c].acknowledged.append((piece.fence, 0))
      at = network.connections[c].acknowledged.count - 1
    }
    guard end - network.connections[c].acknowledged[at].end >= Self.outputAcknowledgementBytes else { return }
    network.connections[c].acknowledged[at].end = end
    gather(c, .outputAcknowledged(piece.fence, .stdout, offset: end))
    flushSession(c)
  }

  // MARK: Out

  mutating func gather(_ c: Int, _ message: ToAgent) { network.connections[c].gathered.append(message) }

  private func asksBack(_ fence: Fence, _ messages: [ToAgent]) -> Bool {
    messages.contains {
      switch $0 {
      case .revoke(fence), .kill(fence, _, _): true
      default: false
      }
    }
  }

  /// Sends what was gathered in one piece.
  mutating func flushSession(_ c: Int) {
    if network.connections[c].gathered.isEmpty { return }
    guard network.connections[c].isOpenAtCoordinator else {
      return network.connections[c].gathered.empty()
    }
    for message in network.connections[c].gathered {
      guard case .start(let start) = message else { continue }
      oracle.sent(start.fence, isAskedBack: asksBack(start.fence, network.connections[c].gathered))
      if isLogging { note("the coordinator sends \(oracle.words(oracle.index(of: start.fence)))") }
    }
    let segment = network.takeSegment(.toAgent)
    swap(&network.segments[Int(segment)].down, &network.connections[c].gathered)
    send(segment, on: c, .down)
  }
}
