import Protocol
import Scheduling
import Synchronization
import System
import Transport

/// One connection of one agent: checks its hello, hands its output to the logs and all else to the Engine, and
/// sends what the Engine says.
///
/// What an attempt printed is durable before its end is known: an end with output takes the way through the
/// logs' writer, behind the output that came before it. An end without output goes straight to the Engine,
/// which saves a commit.
///
/// `@unchecked Sendable`: `state` and what follows are touched on the loop's thread only; `encoder` is a Mutex.
final class AgentSession: @unchecked Sendable {
  /// Output bytes of a stream after which its agent is told how far they are committed. The end's
  /// acknowledgement covers the rest.
  private static let outputAcknowledgementBytes: Int64 = 64 << 10

  private enum State {
    case awaitsHello
    /// The token holds; the Engine decides.
    case admitted
    /// Refused: nothing more is heard.
    case refused
  }

  let id: SessionID
  private let connection: FrameConnection
  private let loop: EventLoop
  private let token: [UInt8]
  private let epoch: Epoch
  private let settings: AgentSettings
  private let logs: AttemptLogs
  private let engine: Engine
  private var state = State.awaitsHello
  private var version = ProtocolVersion.newest
  /// How far each stream's output was acknowledged; streams that printed little never get here.
  private var acknowledged: [LogStream: Int64] = [:]
  private let encoder = Mutex(AgentSession.encoder())
  /// Its hello and its token hold. On the loop's thread.
  var onAdmitted: (() -> Void)?
  /// The connection is over, and why. On the loop's thread.
  var onClosed: ((ConnectionEnd) -> Void)?

  init(
    id: SessionID, _ connection: FrameConnection, on loop: EventLoop, token: [UInt8], epoch: Epoch,
    settings: AgentSettings, logs: AttemptLogs,
    engine: Engine
  ) {
    self.id = id
    self.connection = connection
    self.loop = loop
    self.token = token
    self.epoch = epoch
    self.settings = settings
    self.logs = logs
    self.engine = engine
  }

  /// Begins to read. The connection holds the session until it is over.
  func open() {
    connection.onPayload = { [self] payload in take(payload) }
    connection.onClosed = { [self] end in closed(end) }
    connection.expectPayload(
      within: settings.helloTime, orSay: "no hello within \(settings.helloTime.nanoseconds / 1_000_000_000) s"
    )
    do throws(SystemError) { try connection.open() } catch { connection.closeNow(error.message) }
  }

  // MARK: From the Engine's thread

  /// Gathers a message; `flush` sends what was gathered in one piece. Answers why it cannot be sent at all.
  @discardableResult
  func gather(_ message: ToAgent) -> FrameFault? {
    encoder.withLock { encoder in
      do throws(FrameFault) {
        try encoder.append(message)
        return nil
      } catch {
        Journal.say("agent at \(connection.peer): \(error.message)")
        return error
      }
    }
  }

  /// Forgets what was gathered.
  func discard() { encoder.withLock { $0 = Self.encoder() } }

  private static func encoder() -> FrameEncoder {
    FrameEncoder(aloneLimit: FrameLimits.alonePayloadBytesToAgent)
  }

  func flush() {
    let frames = encoder.withLock { $0.isEmpty ? [] : $0.take() }
    connection.send(frames)
  }

  func welcome() {
    gather(
      .welcome(
        ToAgent.Welcome(
          version: version, epoch: epoch, heartbeatMilliseconds: settings.heartbeat.nanoseconds / 1_000_000,
          leaseMilliseconds: settings.lease.nanoseconds / 1_000_000)))
  }

  func refuse(_ code: ToAgent.RefusalCode, _ message: String, retryable: Bool) {
    Journal.say("agent at \(connection.peer) refused: \(message)")
    gather(.refused(code: code, message: message, retryable: retryable))
    flush()
    finish(message)
  }

  func close(_ reason: String) { connection.close(reason) }

  /// Ends the connection at once; on the loop's thread.
  func turnAway(_ reason: String) { connection.closeNow(reason) }

  /// Ends the connection once the other side has read what was sent.
  func finish(_ reason: String) { connection.finish(reason) }

  // MARK: On the loop's thread

  private func take(_ payload: [UInt8]) {
    if state == .refused { return }
    let messages: [ToCoordinator]
    do throws(FrameFault) {
      messages = try FramePayload.messages(payload)
    } catch {
      return refuseHello(.badHello, error.message)
    }
    switch state {
    case .awaitsHello:
      guard messages.count == 1, case .hello(let hello) = messages[0] else {
        return refuseHello(.badHello, "the first frame must be a hello")
      }
      admit(hello)
    case .admitted: sort(messages)
    case .refused: return
    }
  }

  private func refuseHello(_ code: ToAgent.RefusalCode, _ message: String) {
    if state == .admitted { postEnd(message) }
    state = .refused
    refuse(code, message, retryable: false)
  }

  private func admit(_ hello: ToCoordinator.Hello) {
    guard hello.minVersion <= ProtocolVersion.newest, hello.maxVersion >= ProtocolVersion.oldest,
      hello.minVersion <= hello.maxVersion
    else {
      return refuseHello(
        .versionUnknown,
        "the agent speaks protocol \(hello.minVersion) to \(hello.maxVersion), this coordinator "
          + "\(ProtocolVersion.oldest) to \(ProtocolVersion.newest): bring both to versions that share one")
    }
    guard Access.isEqual(token, Array(hello.token.utf8)) else {
      return refuseHello(
        .badToken, "the token is not this coordinator's agent.token: give the agent its --token-file")
    }
    if let wrong = Self.fault(of: hello) { return refuseHello(.badHello, wrong) }
    Failpoint.helloReceiveAfter.pass()
    version = min(hello.maxVersion, ProtocolVersion.newest)
    connection.raiseLimit()
    state = .admitted
    onAdmitted?()
    engine.post(.arrived(self, hello))
  }

  private static func fault(of hello: ToCoordinator.Hello) -> String? {
    if !Array(hello.name.utf8).withUnsafeBufferPointer(DocumentReader.isTaskName) {
      return "an agent's name is 1 to 200 of A-Z a-z 0-9 _ . : -, and begins with none of . : -"
    }
    if hello.capacity.milliCores <= 0 || hello.capacity.memoryMB <= 0 {
      return "cores and memory must be above zero"
    }
    return nil
  }

  /// Output to the logs, the rest to the Engine.
  private func sort(_ messages: [ToCoordinator]) {
    var direct: [ToCoordinator] = []
    var output: [OutputPiece] = []
    var afterOutput: [ToCoordinator] = []
    for message in messages {
      switch message {
      case .output(let fence, let stream, let offset, let bytes):
        output.append(OutputPiece(LogStream(fence, stream), offset: offset, bytes))
      case .ended(let fence, let result):
        Failpoint.endReceiveAfter.pass()
        if result.hasOutput { afterOutput.append(message) } else { direct.append(message) }
        forget(fence)
      case .handedBack(let fence, let result):
        if result?.hasOutput ?? false { afterOutput.append(message) } else { direct.append(message) }
        forget(fence)
      case .attempts(let held, _):
        Failpoint.listPieceReceiveAfter.pass()
        // A listed end may stand behind output that is on its way to the disk; and pieces of the list keep
        // their order.
        afterOutput.append(message)
        for line in held { forget(line.fence) }
      case .goodbye: afterOutput.append(message)
      case .hello, .started, .revoked, .heartbeat, .unfit: direct.append(message)
      }
    }
    if !direct.isEmpty { engine.post(.said(id, direct)) }
    if output.isEmpty && afterOutput.isEmpty { return }
    if !output.isEmpty { Failpoint.outputReceiveAfter.pass() }
    let due = acknowledgementsDue(for: output)
    let room = logs.append(output) { [self, afterOutput] in
      if !due.isEmpty { Failpoint.outputAcknowledgeBefore.pass() }
      for (stream, end) in due { gather(.outputAcknowledged(stream.fence, stream.stream, offset: end)) }
      if !due.isEmpty { flush() }
      if afterOutput.isEmpty { return }
      Failpoint.endHandOnBefore.pass()
      engine.post(.said(id, afterOutput))
    }
    if room == .full { waitForRoom() }
  }

  /// The disk is behind: what this agent has to say waits in its own memory meanwhile.
  private func waitForRoom() {
    connection.pauseReading()
    logs.whenRoom { [weak self] in self?.onLoop { $0.connection.resumeReading() } }
  }

  private func onLoop(_ body: @escaping @Sendable (AgentSession) -> Void) {
    loop.submit { [weak self] in
      if let self { body(self) }
    }
  }

  private func acknowledgementsDue(for output: [OutputPiece]) -> [(LogStream, Int64)] {
    var due: [(LogStream, Int64)] = []
    for piece in output
    where piece.end - acknowledged[piece.stream, default: 0] >= Self.outputAcknowledgementBytes {
      acknowledged[piece.stream] = piece.end
      due.append((piece.stream, piece.end))
    }
    return due
  }

  private func forget(_ fence: Fence) {
    guard !acknowledged.isEmpty else { return }
    for stream in OutputStream.allCases { acknowledged[LogStream(fence, stream)] = nil }
  }

  private func closed(_ end: ConnectionEnd) {
    switch state {
    case .admitted:
      Failpoint.connectionEndAfter.pass()
      postEnd(end.message)
    case .awaitsHello, .refused: break
    }
    onClosed?(end)
    onClosed = nil
    onAdmitted = nil
    connection.onPayload = nil
    connection.onClosed = nil
  }

  /// Behind all that was said on this connection: a goodbye that takes the way through the logs would else
  /// come after the end, and not count.
  private func postEnd(_ reason: String) {
    _ = logs.append([]) { [engine, id] in engine.post(.closed(id, reason)) }
  }
}

extension AttemptResult {
  fileprivate var hasOutput: Bool { stdoutBytes > 0 || stderrBytes > 0 }
}
