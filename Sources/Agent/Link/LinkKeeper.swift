import CSystem
import Glibc
import Protocol
import System
import Transport

/// The runner's side of its link: starts it, starts it again when it dies, and says through it what is to be said.
///
/// What is said in one turn of the loop goes out in one write at its end. While there is no connection nothing is
/// kept here: what must be said later, the tracker and the pump know.
final class LinkKeeper {
  /// A link that lived for less than this is started again only after as long.
  private static let youngestDeath = Period.seconds(1)
  /// Between two looks whether something was heard of the link, and how many in a row may find nothing before it is
  /// taken for dead. By looks and not by the clock, as this process may have stood still itself. Within 5 s: so another
  /// renews the shortest lease there is (10 s) before anything is ended for it.
  private static let lookPace = Period.milliseconds(1_250)
  private static let silentLooks = 3
  /// How long it may take to drop a connection that it is told to.
  private static let reconnectTime = Period.seconds(5)
  /// How long the coordinator gets to answer a goodbye.
  private static let farewellTime = Period.seconds(5)

  private enum State {
    case down
    /// Connected, and the welcome follows.
    case rising(number: UInt32)
    case up(number: UInt32)
    /// Goodbye is said: what the coordinator still acknowledges comes before it closes.
    case leaving(number: UInt32)
    case stopped
  }

  private let incarnation: Incarnation
  let flags: [String]
  /// The agent's own: see OOMScore.
  var score = 0
  private let loop: EventLoop
  private var state = State.down
  private var pid: Int32 = -1
  private var socket: FrameConnection?
  private var started = Instant(nanoseconds: 0)
  private var starts = 0
  /// Looks since something was heard of it; nil: it is not looked for.
  private var silence: Int?
  /// Whether a link that stands still has to be found within seconds: while something runs. Else heartbeats tell soon
  /// enough, and a host that rests is not woken.
  var isNeeded = false { didSet { if isNeeded { watch() } } }
  private var onLeft: (() -> Void)?
  private var control = FrameEncoder()
  private var logs = FrameEncoder()
  private var toldLease: (from: Instant, shortest: Period?)?

  /// A hello went out at that time.
  var onHello: ((Instant) -> Void)?
  var onWelcome: ((ToAgent.Welcome) -> Void)?
  /// Messages after the welcome, also after the goodbye.
  var onMessages: (([ToAgent]) -> Void)?
  var onLost: (() -> Void)?
  /// The coordinator will not have this agent.
  var onRefused: ((String) -> Void)?
  /// No link can be started.
  var onFailure: ((SystemError) -> Void)?

  /// `flags`: the agent's own, without the program's name.
  init(_ incarnation: Incarnation, flags: [String], on loop: EventLoop) {
    self.incarnation = incarnation
    self.flags = flags
    self.loop = loop
  }

  var isWelcome: Bool {
    if case .up = state { true } else { false }
  }

  func isLink(_ pid: Int32) -> Bool { pid == self.pid }

  // MARK: Its process

  func start() {
    do throws(SystemError) { try launch() } catch { onFailure?(error) }
  }

  private func launch() throws(SystemError) {
    var ends: [Int32] = [-1, -1]
    if caravan_socketpair(&ends) < 0 { throw SystemError("cannot make a socket to the link") }
    let ours = FileDescriptor(owning: ends[0])
    let theirs = FileDescriptor(owning: ends[1])
    Failpoint.linkStartBefore.pass()
    pid = try LinkLauncher.launch(incarnation, flags, socket: theirs.raw, score: score, isFirst: starts == 0)
    starts += 1
    started = .now()
    toldLease = nil
    let socket = FrameConnection(ours, on: loop)
    socket.raiseLimit(to: LinkFrame.payloadBytes)
    socket.onPayload = { [weak self] in self?.heard($0) }
    socket.onClosed = { [weak self] _ in self?.ended() }
    self.socket = socket
    try socket.open()
    silence = 0
    look()
  }

  /// Looks for it again, where that had been left.
  private func watch() {
    if silence != nil || socket == nil { return }
    silence = 0
    socket?.send(LinkFrame.note(.watch(true)))
    look()
  }

  /// It is dead, or as good as that.
  private func ended() {
    kill(pid, SIGKILL)
    socket = nil
    if case .stopped = state { return }
    let wasLeaving = if case .leaving = state { true } else { false }
    wentDown()
    if wasLeaving { return }
    Say.line("the link to the coordinator died (pid \(pid)): another is started, tasks go on")
    let due = max(.now(), started + Self.youngestDeath)
    loop.schedule(at: starts == 1 ? .now() : due) { [weak self] in self?.start() }
  }

  /// Ends it, as if it had died, and starts none.
  func drop() {
    socket?.onClosed = nil
    socket?.close("dropped")
    socket = nil
    kill(pid, SIGKILL)
    starts += 1
    wentDown()
  }

  /// Whether it is still heard of, as long as it lives.
  private func look() {
    let life = starts
    loop.schedule(at: .now() + Self.lookPace) { [weak self] in
      guard let self, life == starts, let socket, let silence else { return }
      if silence == Self.silentLooks { return hang() }
      if isWelcome && !isNeeded {
        self.silence = nil
        return socket.send(LinkFrame.note(.watch(false)))
      }
      self.silence = silence + 1
      look()
    }
  }

  private func hang() {
    Say.line("the link to the coordinator does not answer (pid \(pid)): it is ended")
    // Its socket closes, and so it is started again.
    kill(pid, SIGKILL)
  }

  // MARK: In

  private func heard(_ payload: [UInt8]) {
    if silence != nil { silence = 0 }
    switch payload.first {
    case LinkFrame.note?:
      if let note = LinkFrame.linkNote(payload) { heard(note) }
    case LinkFrame.passed?: passed(Array(payload.dropFirst()))
    default: break
    }
  }

  private func heard(_ note: LinkNote) {
    switch note {
    case .helloSent(let time): onHello?(time)
    case .up(let number): if case .down = state { state = .rising(number: number) }
    case .down: wentDown()
    case .refused(let words):
      state = .stopped
      onRefused?(words)
    case .here: break
    }
  }

  private func wentDown() {
    watch()
    control = FrameEncoder()
    logs = FrameEncoder()
    switch state {
    case .up:
      state = .down
      onLost?()
    case .leaving:
      state = .stopped
      onLeft?()
    case .rising: state = .down
    case .down, .stopped: break
    }
  }

  private func passed(_ payload: [UInt8]) {
    let messages: [ToAgent]
    do throws(FrameFault) {
      messages = try FramePayload.messages(payload)
    } catch {
      return reconnect("the coordinator sent what is not of this protocol: \(error.message)")
    }
    if case .rising(let number) = state, case .welcome(let welcome)? = messages.first {
      state = .up(number: number)
      onWelcome?(welcome)
      if messages.count > 1 { onMessages?(Array(messages.dropFirst())) }
    } else {
      onMessages?(messages)
    }
  }

  /// Drops a connection on which nothing comes any more.
  func reconnect(_ reason: String) {
    guard case .up(let number) = state, let socket else { return }
    socket.send(LinkFrame.note(.reconnect(reason: reason)))
    let life = starts
    loop.schedule(at: .now() + Self.reconnectTime) { [weak self] in
      // It does not read this either while too much waits for the coordinator.
      guard let self, life == starts, case .up(number) = state else { return }
      hang()
    }
  }

  // MARK: Out

  /// Goes out at the end of this turn.
  func send(_ message: ToCoordinator) { encode(message, &control) }

  /// Output, and what must not pass it.
  func sendLog(_ message: ToCoordinator) { encode(message, &logs) }

  /// Bytes that the link does not take at present, and those of this turn.
  var waitingBytes: Int { (socket?.waitingBytes ?? 0) + logs.count }

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
    guard case .up(let number) = state, let socket else {
      control = FrameEncoder()
      logs = FrameEncoder()
      return
    }
    Failpoint.agentSpeakBefore.pass()
    // In one write, unless something waits: then control is to pass the logs.
    if socket.waitingBytes == 0 {
      socket.send(
        LinkFrame.frames(logs.isEmpty ? control.take() : control.take() + logs.take(), on: number))
    } else {
      if !control.isEmpty { socket.send(LinkFrame.frames(control.take(), on: number)) }
      if !logs.isEmpty { socket.send(LinkFrame.frames(logs.take(), on: number), .logs) }
    }
  }

  /// What the link must know to end tasks where this process does not.
  func tell(_ leases: (from: Instant, standard: Period?, shortest: Period?)) {
    guard let socket, toldLease.map({ $0 != (leases.from, leases.shortest) }) ?? true else { return }
    toldLease = (leases.from, leases.shortest)
    socket.send(
      LinkFrame.note(.lease(from: leases.from, standard: leases.standard, shortest: leases.shortest)))
  }

  /// Says goodbye; `onDone` is told once the coordinator has closed the connection, which it does when it has
  /// acknowledged what it took, or cannot.
  func leave(_ reason: String, _ onDone: @escaping () -> Void) {
    defer { socket?.send(LinkFrame.note(.stop)) }
    guard case .up(let number) = state else {
      state = .stopped
      return onDone()
    }
    send(.goodbye(reason: reason))
    flush()
    state = .leaving(number: number)
    onLeft = onDone
    loop.schedule(at: .now() + Self.farewellTime, onDone)
  }
}
