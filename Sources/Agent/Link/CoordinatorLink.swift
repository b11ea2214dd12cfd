import Glibc
import Protocol
import System
import Transport

/// The agent's side of the connection: dials until a coordinator takes it, and again whenever it is lost.
///
/// What is said in one turn of the loop goes out in one write at its end. While there is no connection
/// nothing is kept here: what must be said later, the tracker and the pump know.
final class CoordinatorLink {
  /// From the hello to its answer.
  private static let answerTime = Period.seconds(30)
  /// How long the connection gets to carry the last words.
  private static let farewellTime = Period.seconds(5)

  private enum State {
    case waiting
    case dialing(Dial)
    /// The hello is out.
    case greeting(FrameConnection)
    case welcome(FrameConnection)
    /// Goodbye is said.
    case leaving
    case stopped
  }

  private let settings: AgentSettings
  private let incarnation: Incarnation
  private let loop: EventLoop
  private var state = State.waiting
  private var backoff = Backoff()
  private var control = FrameEncoder()
  private var logs = FrameEncoder()
  /// The last reason for waiting that was said: each is said once.
  private var saidReason: String?

  var onHello: (() -> Void)?
  var onWelcome: ((ToAgent.Welcome) -> Void)?
  /// Messages after the welcome.
  var onMessages: (([ToAgent]) -> Void)?
  var onLost: (() -> Void)?
  /// The coordinator will not have this agent.
  var onRefused: ((String) -> Void)?

  init(_ settings: AgentSettings, _ incarnation: Incarnation, on loop: EventLoop) {
    self.settings = settings
    self.incarnation = incarnation
    self.loop = loop
  }

  var isWelcome: Bool {
    if case .welcome = state { true } else { false }
  }

  // MARK: Dialing

  func dial() {
    guard case .waiting = state else { return }
    if Failpoint.dialBefore.fails() { return retry(SystemError("cannot reach it", errno: ETIMEDOUT).message) }
    state = .dialing(
      Dial(settings.coordinator, on: loop) { [weak self] outcome in
        switch consume outcome {
        case .connected(let socket): self?.greet(FrameConnection(socket, on: self!.loop))
        case .failed(let error): self?.retry(error.message)
        }
      })
  }

  private func retry(_ reason: String) {
    if reason != saidReason { Say.line("waiting for the coordinator at \(settings.coordinator): \(reason)") }
    saidReason = reason
    state = .waiting
    loop.schedule(at: .now() + backoff.wait()) { [weak self] in self?.dial() }
  }

  private func greet(_ connection: FrameConnection) {
    // Each time anew: the file may have come, or changed, meanwhile.
    guard let token = Files.line(settings.tokenFile), !token.isEmpty else {
      connection.close("there is no token")
      return retry("no agents' token in \(settings.tokenFile)")
    }
    connection.onPayload = { [weak self] in self?.received($0) }
    connection.onClosed = { [weak self] in self?.closed($0) }
    do throws(SystemError) { try connection.open() } catch { return retry(error.message) }
    state = .greeting(connection)
    Failpoint.helloSendBefore.pass()
    onHello?()
    let hello = ToCoordinator.Hello(
      minVersion: ProtocolVersion.oldest, maxVersion: ProtocolVersion.newest, token: token,
      name: settings.name,
      incarnation: incarnation, capacity: settings.capacity, labels: settings.labels,
      software: AgentSettings.software, pid: getpid())
    var greeting = FrameEncoder(payloadLimit: FrameLimits.payloadBytesBeforeHello)
    do throws(FrameFault) {
      try greeting.append(ToCoordinator.hello(hello))
    } catch {
      state = .stopped
      connection.close("the hello is too long")
      onRefused?(
        "no coordinator takes a hello this long (\(error.message)): give fewer or shorter --label, and see that \(settings.tokenFile) holds a token and nothing more"
      )
      return
    }
    connection.send(greeting.take())
    Failpoint.helloSendAfter.pass()
    connection.expectPayload(
      within: Self.answerTime, orSay: "\(settings.coordinator) does not answer the hello")
  }

  // MARK: In

  private func received(_ payload: [UInt8]) {
    do throws(FrameFault) {
      let messages = try FramePayload.messages(payload, as: ToAgent.self)
      switch state {
      case .greeting(let connection): try answered(messages, connection)
      case .welcome: onMessages?(messages)
      case .waiting, .dialing, .leaving, .stopped: break
      }
    } catch {
      connection?.close("the coordinator sent what is not of this protocol: \(error.message)")
    }
  }

  private func answered(_ messages: [ToAgent], _ connection: FrameConnection) throws(FrameFault) {
    switch messages.first {
    case .welcome(let welcome)?:
      Failpoint.welcomeReceiveAfter.pass()
      state = .welcome(connection)
      connection.raiseLimit()
      backoff.reset()
      saidReason = nil
      Say.line("connected to the coordinator at \(settings.coordinator) as \(settings.name)")
      onWelcome?(welcome)
      if messages.count > 1 { onMessages?(Array(messages.dropFirst())) }
    case .refused(let code, let message, let retryable)?:
      let words =
        "the coordinator at \(settings.coordinator) refused this agent (\(code.rawValue)): \(message)"
      if retryable {
        connection.onClosed = nil
        connection.close("refused")
        return retry(words)
      }
      state = .stopped
      connection.close("refused")
      onRefused?(words)
    default: throw FrameFault(.malformed, "a hello is answered by welcome or refused")
    }
  }

  private func closed(_ end: ConnectionEnd) {
    switch state {
    case .greeting: retry(end.message)
    case .welcome:
      // Said by what it was, not as one more reason to wait.
      Say.line("lost the coordinator: \(end.message)")
      control = FrameEncoder()
      logs = FrameEncoder()
      state = .waiting
      onLost?()
      loop.schedule(at: .now() + backoff.wait()) { [weak self] in self?.dial() }
    case .leaving, .waiting, .dialing, .stopped: break
    }
  }

  private var connection: FrameConnection? {
    switch state {
    case .greeting(let connection), .welcome(let connection): connection
    case .waiting, .dialing, .leaving, .stopped: nil
    }
  }

  /// Drops a connection on which nothing comes any more.
  func reconnect(_ reason: String) { connection?.close(reason) }

  // MARK: Out

  /// Goes out at the end of this turn.
  func send(_ message: ToCoordinator) { encode(message, &control) }

  /// Output, and what must not pass it.
  func sendLog(_ message: ToCoordinator) { encode(message, &logs) }

  /// Bytes that the socket does not take at present, and those of this turn.
  var waitingBytes: Int { (connection?.waitingBytes ?? 0) + logs.count }

  private func encode(_ message: ToCoordinator, _ encoder: inout FrameEncoder) {
    do throws(FrameFault) {
      try encoder.append(message)
    } catch {
      // Lists and output are cut into pieces that fit, and words are short.
      preconditionFailure("a message does not fit a frame: \(error.message)")
    }
  }

  /// Writes what this turn has gathered.
  func flush() {
    if control.isEmpty && logs.isEmpty { return }
    guard case .welcome(let connection) = state else {
      control = FrameEncoder()
      logs = FrameEncoder()
      return
    }
    Failpoint.agentSpeakBefore.pass()
    // In one write, unless something waits: then control is to pass the logs.
    if connection.waitingBytes == 0 {
      connection.send(logs.isEmpty ? control.take() : control.take() + logs.take())
    } else {
      connection.send(control.take())
      connection.send(logs.take(), .logs)
    }
  }

  /// Says goodbye and ends the connection; `onDone` is told whether the coordinator has read it all.
  func leave(_ reason: String, _ onDone: @escaping (Bool) -> Void) {
    guard case .welcome(let connection) = state else {
      state = .stopped
      return onDone(false)
    }
    send(.goodbye(reason: reason))
    flush()
    state = .leaving
    connection.onClosed = { end in onDone(end.code == .closed) }
    connection.finish(reason)
    loop.schedule(at: .now() + Self.farewellTime) { onDone(false) }
  }
}
