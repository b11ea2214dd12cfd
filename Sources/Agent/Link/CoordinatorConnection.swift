import Glibc
import Protocol
import System
import Transport

/// The agent's side of the connection: dials until a coordinator takes it, and again whenever it is lost. What comes
/// after the welcome is passed on unread.
final class CoordinatorConnection {
  /// From the hello to its answer.
  private static let answerTime = Period.seconds(30)

  private enum State {
    case waiting
    case dialing(Dial)
    /// The hello is out.
    case greeting(FrameConnection)
    case welcome(FrameConnection)
    case stopped
  }

  private let settings: AgentSettings
  private let incarnation: Incarnation
  private let loop: EventLoop
  private var state = State.waiting
  private var backoff = Backoff()
  private var isLast = false
  /// The last reason for waiting that was said: each is said once.
  private var saidReason: String?

  /// A hello is being sent at that time.
  var onHello: ((Instant) -> Void)?
  /// It was accepted: the frame that says so follows.
  var onWelcome: (() -> Void)?
  /// Payloads from the welcome on.
  var onPayload: (([UInt8]) -> Void)?
  /// Bytes waited, and do no more.
  var onDrained: (() -> Void)?
  var onLost: ((String) -> Void)?
  /// The coordinator will not have this agent.
  var onRefused: ((String) -> Void)?

  init(_ settings: AgentSettings, _ incarnation: Incarnation, on loop: EventLoop) {
    self.settings = settings
    self.incarnation = incarnation
    self.loop = loop
  }

  /// The agent stops, or is not wanted.
  var isOver: Bool {
    if case .stopped = state { true } else { isLast }
  }

  // MARK: Dialing

  func dial() {
    guard case .waiting = state else { return }
    if Failpoint.dialBefore.fails() { return retry(SystemError("cannot reach it", errno: ETIMEDOUT).message) }
    state = .dialing(
      Dial(settings.coordinator, on: loop) { [weak self] outcome in
        guard let self, case .dialing = state else { return }
        switch consume outcome {
        case .connected(let socket): greet(FrameConnection(socket, on: loop))
        case .failed(let error): retry(error.message)
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
    connection.onDrained = { [weak self] in self?.onDrained?() }
    do throws(SystemError) { try connection.open() } catch { return retry(error.message) }
    state = .greeting(connection)
    Failpoint.helloSendBefore.pass()
    onHello?(.now())
    let hello = ToCoordinator.Hello(
      minVersion: ProtocolVersion.oldest, maxVersion: ProtocolVersion.newest, token: token,
      name: settings.name,
      incarnation: incarnation, capacity: settings.capacity, labels: settings.labels,
      software: AgentSettings.software, pid: getppid())
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
    switch state {
    case .greeting(let connection):
      do throws(FrameFault) {
        try answered(payload, connection)
      } catch {
        connection.close("the coordinator sent what is not of this protocol: \(error.message)")
      }
    case .welcome: onPayload?(payload)
    case .waiting, .dialing, .stopped: break
    }
  }

  private func answered(_ payload: [UInt8], _ connection: FrameConnection) throws(FrameFault) {
    switch try FramePayload.messages(payload, as: ToAgent.self).first {
    case .welcome?:
      Failpoint.welcomeReceiveAfter.pass()
      state = .welcome(connection)
      connection.raiseLimit(to: FrameLimits.alonePayloadBytesToAgent)
      backoff.reset()
      saidReason = nil
      Say.line("connected to the coordinator at \(settings.coordinator) as \(settings.name)")
      onWelcome?()
      onPayload?(payload)
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
      if !isLast { Say.line("lost the coordinator: \(end.message)") }
      state = isLast ? .stopped : .waiting
      onLost?(end.message)
      if !isLast { loop.schedule(at: .now() + backoff.wait()) { [weak self] in self?.dial() } }
    case .waiting, .dialing, .stopped: break
    }
  }

  private var connection: FrameConnection? {
    switch state {
    case .greeting(let connection), .welcome(let connection): connection
    case .waiting, .dialing, .stopped: nil
    }
  }

  /// Drops a connection on which nothing comes any more.
  func reconnect(_ reason: String) { connection?.close(reason) }

  /// The connection that there is goes on to its end; none follows.
  func dialsNoMore() {
    isLast = true
    if case .welcome = state { return }
    connection?.close("the agent stops")
    state = .stopped
  }

  // MARK: Out

  /// Whole frames, while the agent is welcome.
  func send(_ frames: [UInt8]) {
    if case .welcome(let connection) = state { connection.send(frames) }
  }

  /// Bytes that the socket does not take at present.
  var waitingBytes: Int { connection?.waitingBytes ?? 0 }

  /// That the agent takes no new work, and why.
  func tellUnfit(_ reason: String) {
    guard case .welcome(let connection) = state else { return }
    var frames = FrameEncoder()
    do throws(FrameFault) { try frames.append(ToCoordinator.unfit(reason: reason)) } catch { return }
    connection.send(frames.take())
  }

  /// The runner's death, with all that ran; then the connection ends. False: there is none.
  func tellLost(_ lost: [(fence: Fence, result: AttemptResult)], _ onDone: @escaping () -> Void) -> Bool {
    guard case .welcome(let connection) = state else { return false }
    var frames = FrameEncoder()
    for (fence, result) in lost {
      do throws(FrameFault) { try frames.append(ToCoordinator.ended(fence, result)) } catch { continue }
    }
    state = .stopped
    connection.onClosed = { _ in onDone() }
    connection.send(frames.take())
    connection.finish("the agent's process died")
    return true
  }
}
