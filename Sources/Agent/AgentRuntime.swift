import CSystem
import Glibc
import Protocol
import Scheduling
import System
import Transport

/// Drives an agent: what happens in processes and on the connection becomes events of the AttemptTracker, and
/// its effects are carried out. One thread, one loop.
///
/// In each turn: handle what is ready; write the spool; send what was gathered. So a start is on record before
/// its fork, an end before it is told, and a turn costs one write to each.
final class AgentRuntime: EventHandler {
  /// How long a stopping agent tries to bring kept output home.
  private static let farewellTime = Period.seconds(10)
  /// Between two sends while attempts wait for room here.
  private static let silence = Period.milliseconds(8)

  /// How the agent's work begins.
  enum Beginning {
    /// With what earlier starts left.
    case anew(EarlierStarts)
    /// With what the program before this one, in the same process, had.
    case takingOver(Takeover)
  }

  let loop: EventLoop
  let link: LinkKeeper
  let runner: ProcessRunner
  let pump: OutputPump
  let spool: Spool
  private let signals: FileDescriptor
  var tracker: AttemptTracker
  private var events: [AttemptEvent] = []
  private var effects: [AttemptEffect] = []
  private var isHandling = false
  private var timer: (id: TimerID, due: Instant)?
  private var lastWords = Instant(nanoseconds: 0)
  private var hasWordsDue = false
  let handover: HandoverPlan
  private(set) var isLeaving = false
  private var hasSaidGoodbye = false
  private(set) var failure: AgentError?

  init(
    _ settings: AgentSettings, _ directory: borrowing AgentDirectory, _ beginning: Beginning,
    on loop: EventLoop, link: LinkKeeper, spool: Spool, groups: TaskGroups?, signals: consuming FileDescriptor
  ) throws(SystemError) {
    let pump = OutputPump(in: OutputFolder(path: directory.spoolFolder, caps: settings.outputCaps))
    self.loop = loop
    self.link = link
    self.pump = pump
    self.spool = spool
    self.signals = signals
    handover = HandoverPlan(directory, flags: link.flags)
    tracker = AttemptTracker(.init(capacity: settings.capacity))
    let environment = TaskEnvironment(of: directory.incarnation)
    runner = try ProcessRunner(
      on: loop, spawner: try Spawner(environment: environment, workDirectory: directory.workDirectory),
      groups: groups, stuckTime: settings.stuckTime
    ) { fence, stream, bytes in pump.printed(fence, stream, bytes) }
    wire()
    switch beginning {
    case .anew(let earlier):
      tracker = AttemptTracker(.init(capacity: settings.capacity), left: earlier.ends)
      for output in earlier.outputs { pump.restore(output) }
    case .takingOver(let takeover): try takeOver(takeover, settings)
    }
    link.score = runner.spawner.score.own
  }

  private func wire() {
    pump.onLoss = { [unowned self] in tell(.outputLost($0, $1)) }
    runner.onEnd = { [unowned self] in processEnded($0, $1) }
    runner.onUnborn = { [unowned self] in tell(.spawnFailed($0, rc: $1.rc, words: $1.words, at: $1.time)) }
    runner.mayStillRun = { [unowned self] in tracker.mayStillRun($0, at: .now()) }
    runner.onMemoryExceeded = { [unowned self] in tell(.memoryExceeded($0)) }
    runner.onStuck = { [unowned self] in stuck($0) }
    runner.isOurOwn = { [unowned self] in link.isLink($0) }
    link.onHello = { [unowned self] in tell(.helloSent(at: $0)) }
    link.onWelcome = { [unowned self] in tell(.welcomed($0)) }
    link.onMessages = { [unowned self] in received($0) }
    link.onLost = { [unowned self] in
      tell(.disconnected)
      pump.disconnected()
    }
    link.onRefused = { [unowned self] in fail(AgentError(.failed, $0)) }
    link.onFailure = { [unowned self] in fail(AgentError(.failed, $0.message)) }
    loop.endOfTurn = { [unowned self] in endOfTurn() }
  }

  /// Until the agent is told to stop, or cannot go on.
  func run() throws(SystemError) {
    try loop.watch(signals.raw, for: .readable, self)
    link.start()
    loop.run()
  }

  private func fail(_ error: AgentError) {
    failure = failure ?? error
    loop.stop()
  }

  // MARK: Events

  func ready(_ fd: Int32, _ readiness: Readiness) {
    var hasChildren = false
    while true {
      let number = caravan_signalfd_next(fd)
      if number == 0 { break }
      if number == SIGCHLD {
        hasChildren = true
      } else if number == SIGHUP {
        handOver()
      } else {
        Failpoint.agentStopAfter.pass()
        // What has ended by itself is not handed back: this process may have stood still.
        runner.reap()
        tell(.shutdown)
      }
    }
    if hasChildren { runner.reap() }
  }

  private func received(_ messages: [ToAgent]) {
    for message in messages {
      switch message {
      case .outputAcknowledged(let fence, let stream, let offset):
        Failpoint.outputAcknowledgedAfter.pass()
        pump.acknowledged(fence, stream, offset)
        continue
      case .start: Failpoint.startReceiveAfter.pass()
      case .kill: Failpoint.killReceiveAfter.pass()
      case .endsAcknowledged: Failpoint.endsAcknowledgedAfter.pass()
      case .welcome, .refused, .revoke, .heartbeatAcknowledged: break
      }
      tell(.received(message))
    }
  }

  private func processEnded(_ fence: Fence, _ end: ProcessEnd) {
    var end = end
    (end.stdoutBytes, end.stderrBytes) = pump.totals(fence)
    end.lostOutput = pump.ended(fence)
    for (stream, piece) in pump.spool(fence) { spool.append(fence, stream, piece) }
    Failpoint.endRecordBefore.pass()
    tell(.processEnded(fence, end))
  }

  /// Its room stays taken; and where one process hangs, the next one likely will.
  private func stuck(_ attempts: [(fence: Fence, pids: [Int32])]) {
    let words = attempts.map { attempt in
      "attempt \(attempt.fence) does not die (processes \(attempt.pids.map(String.init).joined(separator: ", ")))"
    }.joined(separator: "; ")
    Say.line(words.isEmpty ? "what did not die is gone" : words)
    tell(.unfit(reason: words))
  }

  /// Events that effects bring about wait until those effects are all carried out.
  func tell(_ event: AttemptEvent) {
    events.append(event)
    if isHandling { return }
    isHandling = true
    var next = 0
    while next < events.count {
      effects.removeAll(keepingCapacity: true)
      tracker.handle(events[next], at: .now(), into: &effects)
      next += 1
      for effect in effects { carryOut(effect) }
    }
    events.removeAll(keepingCapacity: true)
    isHandling = false
  }

  // MARK: Effects

  private func carryOut(_ effect: AttemptEffect) {
    switch effect {
    case .record(let record): spool.append(record)
    case .spawn(let start): spawn(start)
    case .signal(let fence, let signal): runner.signal(fence, signal)
    case .send(let message): link.send(message)
    case .list(let held): list(held)
    case .announce(let fence, let message):
      Failpoint.endTellBefore.pass()
      if !pump.sendLater(message, of: fence) { link.send(message) }
    case .forgetOutput(let fence): pump.forget(fence)
    case .reconnect(let reason): link.reconnect(reason)
    case .leave: leave()
    }
  }

  private func spawn(_ start: ToAgent.Start) {
    spool.flushStarts()
    do throws(Spawner.Failure) {
      let time = try runner.spawn(start)
      Failpoint.startedTellBefore.pass()
      events.append(.processStarted(start.fence, at: time))
    } catch {
      events.append(.spawnFailed(start.fence, rc: error.rc, words: error.words, at: error.time))
    }
  }

  /// The list, in messages that fit frames; what still has output to send ends once it is sent.
  private func list(_ held: [ToCoordinator.Held]) {
    var shown: [ToCoordinator.Held] = []
    for item in held {
      if case .ended(let result) = item.phase, pump.holdsBack(item.fence),
        pump.sendLater(.ended(item.fence, result), of: item.fence)
      {
        shown.append(.init(fence: item.fence, phase: .ending(result)))
      } else {
        shown.append(item)
      }
      if shown.count == ToCoordinator.heldPerMessage {
        Failpoint.listPieceSendBefore.pass()
        link.send(.attempts(shown, isLast: false))
        shown.removeAll(keepingCapacity: true)
      }
    }
    Failpoint.listSendBefore.pass()
    link.send(.attempts(shown, isLast: true))
    pump.connected()
  }

  // MARK: The turn's end

  private func endOfTurn() {
    if let due = tracker.nextDeadline, due <= .now() {
      // What has ended by itself is not to be ended: this process may have stood still past the deadline.
      runner.reap()
      tell(.timer)
    }
    if pump.hasWork, link.isWelcome, link.waitingBytes < OutputPump.socketBacklogBytes {
      pump.pump { [link] message in
        link.sendLog(message)
        return link.waitingBytes < OutputPump.socketBacklogBytes
      }
    }
    spool.flush()
    if let leases = tracker.leases { link.tell(leases) }
    let isNeeded = tracker.isHoldingWork
    if isNeeded != link.isNeeded { link.isNeeded = isNeeded }
    if failure == nil { speak() }
    if isLeaving { sayGoodbye() }
    setTimer()
    runner.settleBirths()
    if let next = tracker.nextStart { runner.prepare(next) }
  }

  /// Sends what was gathered. While attempts wait here for room no slot waits for an answer: then what short
  /// ones have to say goes out together, which costs both sides fewer wake-ups.
  private func speak() {
    let now = Instant.now()
    if tracker.waitingCount > 0, !isLeaving, now < lastWords + Self.silence {
      if hasWordsDue { return }
      hasWordsDue = true
      loop.schedule(at: lastWords + Self.silence) { [weak self] in self?.hasWordsDue = false }
      return
    }
    lastWords = now
    link.flush()
  }

  private func setTimer() {
    let due = tracker.nextDeadline
    if due == timer?.due { return }
    if let timer { loop.cancel(timer.id) }
    // Being woken is enough: the turn's end asks the tracker.
    timer = due.map { (loop.schedule(at: $0) {}, $0) }
  }

  // MARK: Leaving

  private func leave() {
    isLeaving = true
    loop.schedule(at: .now() + Self.farewellTime) { [weak self] in self?.sayGoodbye(isLate: true) }
  }

  private func sayGoodbye(isLate: Bool = false) {
    if hasSaidGoodbye || !(isLate || !link.isWelcome || pump.waitingEnds == 0) { return }
    hasSaidGoodbye = true
    Failpoint.goodbyeSendBefore.pass()
    link.leave("the agent was told to stop") { [unowned self] in
      // What was handed over is nothing to tell of at the next start.
      if !tracker.hasUnacknowledged {
        Failpoint.spoolRemoveBefore.pass()
        spool.remove()
        Failpoint.spoolRemoveAfter.pass()
      }
      loop.stop()
    }
  }
}
