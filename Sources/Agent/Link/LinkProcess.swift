import Glibc
import Protocol
import System
import Transport

/// Passes on what runner and coordinator say to each other, and watches the runner.
final class LinkProcess {
  /// While more than this waits for the coordinator, the runner is not read: what it has to say waits there, where
  /// control goes before output.
  private static let waitingBytes = 1 << 20
  /// How often it says that it is there.
  static let herePace = Period.seconds(1)
  /// How long the last words of a dead runner's link may take.
  private static let lastWordsTime = Period.seconds(3)

  private let settings: AgentSettings
  private let incarnation: Incarnation
  private let loop: EventLoop
  private let runner: FrameConnection
  private let coordinator: CoordinatorConnection
  private let lease: LeaseGuard
  /// Grows with each connection.
  private var number: UInt32 = 0
  private var isWatched = true
  private(set) var exitCode: Int32 = 0

  init(
    _ settings: AgentSettings, _ incarnation: Incarnation, runner socket: consuming FileDescriptor
  ) throws(SystemError) {
    self.settings = settings
    self.incarnation = incarnation
    let loop = try EventLoop()
    self.loop = loop
    runner = FrameConnection(socket, on: loop)
    coordinator = CoordinatorConnection(settings, incarnation, on: loop)
    lease = LeaseGuard(TasksOfStart(incarnation, settings), on: loop)
  }

  func run() throws(SystemError) {
    runner.raiseLimit(to: LinkFrame.payloadBytes)
    runner.onPayload = { [unowned self] in heard($0) }
    runner.onClosed = { [unowned self] _ in runnerDied() }
    coordinator.onHello = { [unowned self] in tell(.helloSent(at: $0)) }
    coordinator.onWelcome = { [unowned self] in
      number += 1
      tell(.up(number: number))
    }
    coordinator.onPayload = { [unowned self] in runner.send(LinkFrame.payload($0)) }
    coordinator.onLost = { [unowned self] in
      tell(.down(reason: $0))
      runner.resumeReading()
    }
    coordinator.onRefused = { [unowned self] in tell(.refused(words: $0)) }
    coordinator.onDrained = { [unowned self] in runner.resumeReading() }
    try runner.open()
    sayHere()
    coordinator.dial()
    loop.run()
  }

  private func tell(_ note: LinkNote) { runner.send(LinkFrame.note(note)) }

  /// Not as an answer, since it does not hear the runner while much waits for the coordinator. What a stopped runner does
  /// not read is not added to.
  private func sayHere() {
    if !isWatched { return }
    if runner.waitingBytes == 0 { tell(.here) }
    loop.schedule(at: .now() + Self.herePace) { [weak self] in self?.sayHere() }
  }

  // MARK: From the runner

  private func heard(_ payload: [UInt8]) {
    switch payload.first {
    case LinkFrame.passed:
      guard let (connection, bytes) = LinkFrame.passedFrames(payload), connection == number else { return }
      Failpoint.linkPassBefore.pass()
      coordinator.send(bytes)
      if coordinator.waitingBytes > Self.waitingBytes { runner.pauseReading() }
    case LinkFrame.note:
      switch LinkFrame.runnerNote(payload) {
      case .lease(let from, let standard, let shortest):
        lease.renewed(from, standard: standard, shortest: shortest)
      case .reconnect(let reason): coordinator.reconnect(reason)
      case .stop: coordinator.dialsNoMore()
      case .watch(let isOn):
        let wasWatched = isWatched
        isWatched = isOn
        if isOn && !wasWatched { sayHere() }
      case nil: break
      }
    default: break
    }
  }

  // MARK: Its death

  /// The kernel has killed the tasks' main processes with it; what those had started is ended here, and then said.
  private func runnerDied() {
    if coordinator.isOver { return loop.stop() }
    exitCode = AgentError.Exit.failed.rawValue
    // Before what takes its time: what is sent here now is begun by nobody.
    coordinator.tellUnfit("the agent's process died")
    let tasks = TasksOfStart(incarnation, settings)
    let lost = tasks.endAll()
    Failpoint.runnerDeathTellBefore.pass()
    Say.line("the agent's process died; \(lost.count) attempts are lost")
    guard coordinator.tellLost(lost, { [loop] in loop.stop() }) else { return loop.stop() }
    loop.schedule(at: .now() + Self.lastWordsTime) { [loop] in loop.stop() }
  }
}
