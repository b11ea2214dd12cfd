import Protocol
import Scheduling

/// Attempts taken through the AttemptTracker as the agent's runner takes them. Half of what comes at a time finds
/// no room at once.
struct TrackerLoop {
  private static let cores: Int64 = 8
  private static let startsAtOnce: Int64 = 16

  private var tracker = AttemptTracker(
    .init(capacity: ResourceVector(milliCores: cores * 1000, memoryMB: 1_000_000)))
  private let job = Job(command: ["/bin/true"])
  private let now = Instant(nanoseconds: 1_000_000_000)
  private var events: [AttemptEvent] = []
  private var effects: [AttemptEffect] = []
  private var running: [Fence] = []
  private var ended: [Fence] = []
  private var records = 0

  /// Answers with the lines that a spool would hold: three an attempt.
  static func attempts(_ count: Int) -> Int {
    var loop = TrackerLoop()
    loop.tell(.helloSent(at: loop.now))
    let welcome = ToAgent.Welcome(
      version: ProtocolVersion.newest, epoch: Epoch(1), heartbeatMilliseconds: 5000,
      leaseMilliseconds: 300_000)
    loop.tell(.welcomed(welcome))
    var next: Int64 = 0
    while next < count {
      let end = min(Int64(count), next + startsAtOnce)
      loop.turn(next..<end)
      next = end
    }
    precondition(loop.records == 3 * count, "not all attempts have ended")
    return loop.records
  }

  private mutating func turn(_ numbers: Range<Int64>) {
    for number in numbers {
      let start = ToAgent.Start(
        fence: Fence(epoch: Epoch(1), counter: number + 1), run: RunID(0), task: "task",
        number: AttemptNumber(1), job: job)
      tell(.received(.start(start)))
    }
    while !running.isEmpty {
      let fences = running
      running.removeAll(keepingCapacity: true)
      for fence in fences {
        tell(.processEnded(fence, ProcessEnd(how: .exit(code: 0), stop: WallTime(nanoseconds: 2))))
      }
    }
    tell(.received(.endsAcknowledged(ended)))
    ended.removeAll(keepingCapacity: true)
  }

  private mutating func tell(_ event: AttemptEvent) {
    events.append(event)
    var next = 0
    while next < events.count {
      effects.removeAll(keepingCapacity: true)
      tracker.handle(events[next], at: now, into: &effects)
      next += 1
      for effect in effects { carryOut(effect) }
    }
    events.removeAll(keepingCapacity: true)
  }

  private mutating func carryOut(_ effect: AttemptEffect) {
    switch effect {
    case .spawn(let start):
      events.append(.processStarted(start.fence, at: WallTime(nanoseconds: 1)))
      running.append(start.fence)
    case .record: records += 1
    case .announce(let fence, _): ended.append(fence)
    default: break
    }
  }
}
