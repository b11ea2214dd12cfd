import Glibc
import Protocol
import Scheduling
import System
import Transport

/// An agent without processes: what it is told to start has ended well at once, or after some time. It decides as real
/// ones do, by the AttemptTracker, and speaks as they do; it keeps no spool.
final class BenchAgent {
  private static let redialTime = Period.milliseconds(200)
  /// Between two sends while attempts wait for room, as real agents have it.
  private static let silence = Period.milliseconds(8)

  private let name: String
  private let settings: BenchSettings
  private let loop: EventLoop
  private var connection: FrameConnection?
  private var isWelcome = false
  private var tracker: AttemptTracker
  private var events: [AttemptEvent] = []
  private var effects: [AttemptEffect] = []
  private var isHandling = false
  private var frames = FrameEncoder()
  private var isTurnDue = false
  private var lastWords = Instant(nanoseconds: 0)
  private var timer: (id: TimerID, due: Instant)?

  init(_ name: String, _ settings: BenchSettings, on loop: EventLoop) {
    self.name = name
    self.settings = settings
    self.loop = loop
    tracker = AttemptTracker(.init(capacity: settings.capacity))
  }

  func dial() {
    _ = Dial(settings.coordinator, on: loop) { [self] outcome in
      switch consume outcome {
      case .connected(let socket): greet(FrameConnection(socket, on: loop))
      case .failed(let error): fail("cannot reach the coordinator: \(error.message)")
      }
    }
  }

  private func fail(_ words: String) -> Never {
    print("caravan-bench-agents: \(name): \(words)")
    exit(1)
  }

  private func greet(_ connection: FrameConnection) {
    self.connection = connection
    connection.onPayload = { [self] in received($0) }
    connection.onClosed = { [self] end in
      if isWelcome { fail("the connection ended: \(end.message)") }
      // Where a crowd comes at once some have to give way; they come again, as agents do.
      loop.schedule(at: .now() + Self.redialTime) { [self] in dial() }
    }
    do throws(SystemError) { try connection.open() } catch { fail(error.message) }
    connection.raiseLimit()
    tell(.helloSent(at: .now()))
    let hello = ToCoordinator.Hello(
      minVersion: ProtocolVersion.oldest, maxVersion: ProtocolVersion.newest, token: settings.token,
      name: name,
      incarnation: Incarnation(directoryID: name, bootID: "bench", startNumber: 1),
      capacity: settings.capacity,
      labels: [:], software: "caravan-bench-agents", pid: getpid())
    var greeting = FrameEncoder(payloadLimit: FrameLimits.payloadBytesBeforeHello)
    do throws(FrameFault) { try greeting.append(ToCoordinator.hello(hello)) } catch { fail(error.message) }
    connection.send(greeting.take())
  }

  private func received(_ payload: [UInt8]) {
    let messages: [ToAgent]
    do throws(FrameFault) { messages = try FramePayload.messages(payload) } catch { fail(error.message) }
    for message in messages {
      switch message {
      case .welcome(let welcome):
        isWelcome = true
        tell(.welcomed(welcome))
      case .refused(_, let words, _): fail(words)
      case .outputAcknowledged: break
      default: tell(.received(message))
      }
    }
    endTurn()
  }

  private func tell(_ event: AttemptEvent) {
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

  private func carryOut(_ effect: AttemptEffect) {
    switch effect {
    case .spawn(let start):
      let now = WallTime.now()
      events.append(.processStarted(start.fence, at: now))
      if settings.taskTime == .zero {
        end(start.fence)
      } else {
        loop.schedule(at: .now() + settings.taskTime) { [self] in
          end(start.fence)
          endTurn()
        }
      }
    case .send(let message), .announce(_, let message): say(message)
    case .list(let held): say(.attempts(held, isLast: true))
    case .reconnect(let reason): fail(reason)
    case .record, .signal, .forgetOutput, .leave: break
    }
  }

  private func end(_ fence: Fence) {
    let event = AttemptEvent.processEnded(
      fence, ProcessEnd(how: .exit(code: 0), stop: .now(), cpuMicroseconds: 1, peakMemoryKB: 1))
    if isHandling { events.append(event) } else { tell(event) }
  }

  private func say(_ message: ToCoordinator) {
    do throws(FrameFault) { try frames.append(message) } catch { fail(error.message) }
  }

  // MARK: The turn's end

  private func endTurn() {
    if let due = tracker.nextDeadline, due <= .now() { tell(.timer) }
    speak()
    let due = tracker.nextDeadline
    if due == timer?.due { return }
    if let timer { loop.cancel(timer.id) }
    timer = due.map { due in (loop.schedule(at: due) { [self] in endTurn() }, due) }
  }

  private func speak() {
    if frames.isEmpty || !isWelcome { return }
    let now = Instant.now()
    if tracker.waitingCount > 0, now < lastWords + Self.silence {
      if isTurnDue { return }
      isTurnDue = true
      loop.schedule(at: lastWords + Self.silence) { [self] in
        isTurnDue = false
        endTurn()
      }
      return
    }
    lastWords = now
    connection?.send(frames.take())
  }
}
