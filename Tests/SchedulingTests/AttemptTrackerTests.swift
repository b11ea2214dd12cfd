import Protocol
import Scheduling
import Testing

/// A tracker with a clock that the test moves, and the effects of the last event.
private struct Bench {
  var tracker: AttemptTracker
  var now = Instant(nanoseconds: 1_000_000_000_000)
  var effects: [AttemptEffect] = []

  init(cores: Int64 = 2, left: [(fence: Fence, result: AttemptResult)] = []) {
    tracker = AttemptTracker(
      .init(capacity: ResourceVector(milliCores: cores * 1000, memoryMB: 1000)), left: left)
  }

  mutating func event(_ event: AttemptEvent) {
    effects = []
    tracker.handle(event, at: now, into: &effects)
  }

  mutating func welcome(leaseSeconds: Int64 = 300) {
    event(.helloSent(at: now))
    event(
      .welcomed(
        .init(
          version: 1, epoch: Epoch(1), heartbeatMilliseconds: 1_000_000,
          leaseMilliseconds: leaseSeconds * 1000)))
  }

  mutating func start(
    _ fence: Int64, cores: Int64 = 1, grace: Int32? = nil, timeout: Int32 = 0, lease: Int32? = nil
  ) {
    var start = Self.start(fence, cores: cores, grace: grace, timeout: timeout)
    if let lease { start.lease = TaskLease(seconds: lease)! }
    event(.received(.start(start)))
  }

  mutating func started(_ fence: Int64) { event(.processStarted(Fence(fence), at: WallTime(nanoseconds: 7))) }

  mutating func ended(_ fence: Int64, _ how: ProcessEnd.How = .exit(code: 0)) {
    event(.processEnded(Fence(fence), ProcessEnd(how: how, stop: WallTime(nanoseconds: 9))))
  }

  /// Moves the clock to what is due next.
  mutating func nextTimer() {
    guard let deadline = tracker.nextDeadline else { preconditionFailure("nothing is due") }
    now = max(now, deadline)
    event(.timer)
  }

  static func start(
    _ fence: Int64, cores: Int64 = 1, memoryMB: Int64? = nil, grace: Int32? = nil, timeout: Int32 = 0
  ) -> ToAgent.Start {
    ToAgent.Start(
      fence: Fence(fence), run: RunID(0), task: "t", number: AttemptNumber(1),
      job: Job(
        command: ["/bin/true"], needs: ResourceVector(milliCores: cores * 1000, memoryMB: memoryMB ?? 1),
        isMemoryStated: memoryMB != nil, timeoutSeconds: timeout, killGraceSeconds: grace))
  }

  var spawned: [Int64] {
    effects.compactMap { if case .spawn(let start) = $0 { start.fence.value } else { nil } }
  }
  var sent: [ToCoordinator] {
    effects.compactMap {
      switch $0 {
      case .send(let message), .announce(_, let message): message
      default: nil
      }
    }
  }
  var result: AttemptResult? {
    for message in sent {
      switch message {
      case .ended(_, let result): return result
      case .handedBack(_, let result): return result
      default: continue
      }
    }
    return nil
  }
}

struct AttemptTrackerTests {
  @Test func `starts go in order of arrival as room frees`() {
    var bench = Bench(cores: 2)
    bench.welcome()
    bench.start(1)
    #expect(bench.effects == [.record(.started(Fence(1), .standard)), .spawn(Bench.start(1))])
    bench.start(2, cores: 2)
    #expect(bench.spawned == [])
    bench.start(3)
    #expect(bench.spawned == [], "a small one never passes a larger one that came first")
    bench.started(1)
    bench.ended(1)
    #expect(bench.spawned == [2])
    bench.started(2)
    bench.ended(2)
    #expect(bench.spawned == [3])
  }

  @Test func `the same start again answers the known state and never forks again`() {
    var bench = Bench()
    bench.welcome()
    bench.start(1)
    bench.started(1)
    bench.start(1)
    #expect(bench.effects == [.send(.started(Fence(1), at: WallTime(nanoseconds: 7)))])
    bench.ended(1)
    let end = bench.effects.last
    bench.start(1)
    #expect(bench.effects == [end])
    bench.event(.received(.endsAcknowledged([Fence(1)])))
    #expect(bench.effects == [.record(.acknowledged(Fence(1))), .forgetOutput(Fence(1))])
    bench.start(1)
    #expect(bench.effects == [end])
  }

  @Test func `a task larger than the agent is handed back`() {
    var bench = Bench(cores: 2)
    bench.welcome()
    bench.start(1, cores: 3)
    #expect(bench.effects == [.send(.handedBack(Fence(1), nil))])
  }

  @Test func `revoking takes back what waits and tells of what started`() {
    var bench = Bench(cores: 1)
    bench.welcome()
    bench.start(1)
    bench.started(1)
    bench.start(2)
    bench.event(.received(.revoke(Fence(2))))
    #expect(bench.effects == [.send(.revoked(Fence(2)))])
    bench.event(.received(.revoke(Fence(1))))
    #expect(bench.effects == [.send(.started(Fence(1), at: WallTime(nanoseconds: 7)))])
    bench.event(.received(.revoke(Fence(9))))
    #expect(bench.effects == [.send(.revoked(Fence(9)))])
  }

  @Test func `revoking what blocks the line lets the next one start`() {
    var bench = Bench(cores: 2)
    bench.welcome()
    bench.start(1)
    bench.start(2, cores: 2)
    bench.start(3)
    bench.event(.received(.revoke(Fence(2))))
    #expect(bench.spawned == [3])
  }

  @Test func `a kill is SIGTERM, the grace, SIGKILL`() {
    var bench = Bench()
    bench.welcome()
    bench.start(1, grace: 3)
    bench.started(1)
    let before = bench.now
    bench.event(.received(.kill(Fence(1), graceSeconds: nil, reason: "by a person")))
    #expect(bench.effects == [.signal(Fence(1), .terminate)])
    bench.nextTimer()
    #expect(bench.now - before == .seconds(3))
    #expect(bench.effects == [.signal(Fence(1), .kill)])
    bench.ended(1, .signal(9))
    #expect(bench.result?.rc == 137)
    #expect(bench.result?.kind == .exited)
    #expect(bench.result?.words == "killed: by a person; ended by signal 9 (SIGKILL)")
  }

  @Test func `a kill of what waits gives it back`() {
    var bench = Bench(cores: 1)
    bench.welcome()
    bench.start(1)
    bench.start(2)
    bench.event(.received(.kill(Fence(2), graceSeconds: nil, reason: "")))
    #expect(bench.effects == [.send(.revoked(Fence(2)))])
  }

  @Test func `a second kill may only be quicker`() {
    var bench = Bench()
    bench.welcome()
    bench.start(1)
    bench.started(1)
    bench.event(.received(.kill(Fence(1), graceSeconds: 5, reason: "first")))
    bench.event(.received(.kill(Fence(1), graceSeconds: 50, reason: "second")))
    #expect(bench.effects == [])
    bench.event(.received(.kill(Fence(1), graceSeconds: 0, reason: "third")))
    #expect(bench.effects == [.signal(Fence(1), .kill)])
    bench.ended(1, .signal(9))
    #expect(bench.result?.words == "killed: first; ended by signal 9 (SIGKILL)")
  }

  @Test func `a time limit ends an attempt and is said`() {
    var bench = Bench()
    bench.welcome()
    bench.start(1, timeout: 5)
    bench.started(1)
    let before = bench.now
    bench.nextTimer()
    #expect(bench.now - before == .seconds(5))
    #expect(bench.effects == [.signal(Fence(1), .terminate)])
    bench.ended(1, .signal(15))
    #expect(bench.result?.kind == .timeLimit)
    #expect(bench.result?.words == "time limit of 5 s exceeded; ended by signal 15 (SIGTERM)")
  }

  @Test func `what could not be executed ends with its words and frees its room`() {
    var bench = Bench(cores: 1)
    bench.welcome()
    bench.start(1)
    bench.start(2)
    bench.event(.spawnFailed(Fence(1), rc: 127, words: "no such program: /no", at: WallTime(nanoseconds: 3)))
    #expect(bench.result?.kind == .notExecuted)
    #expect(bench.result?.rc == 127)
    #expect(bench.spawned == [2])
  }

  @Test func `what was started and could not be executed keeps its start, and who was to end it is named`() {
    var bench = Bench(cores: 1)
    bench.welcome()
    bench.start(1)
    bench.started(1)
    bench.start(2)
    bench.event(.spawnFailed(Fence(1), rc: 126, words: "cannot execute it", at: WallTime(nanoseconds: 9)))
    #expect(bench.result?.kind == .notExecuted && bench.result?.words == "cannot execute it")
    #expect(bench.result?.start == WallTime(nanoseconds: 7) && bench.result?.stop == WallTime(nanoseconds: 9))
    #expect(bench.spawned == [2])
    bench.started(2)
    bench.event(.received(.kill(Fence(2), graceSeconds: nil, reason: "by a person")))
    bench.event(.spawnFailed(Fence(2), rc: 127, words: "no such program", at: WallTime(nanoseconds: 9)))
    #expect(bench.result?.stopped == .killed)
    #expect(
      bench.result?.words
        == "killed: by a person; ended with exit code 127 after SIGTERM; no such program")
  }

  @Test func `an end is told again after each reconnection until it is acknowledged`() {
    var bench = Bench()
    bench.welcome()
    bench.start(1)
    bench.started(1)
    bench.event(.disconnected)
    bench.ended(1)
    #expect(bench.sent == [])
    for _ in 0..<2 {
      bench.welcome()
      guard case .list(let held)? = bench.effects.first else { return #expect(Bool(false)) }
      #expect(held.count == 1)
      if case .ended(let result) = held[0].phase { #expect(result.rc == 0) } else { #expect(Bool(false)) }
      bench.event(.disconnected)
    }
    bench.welcome()
    bench.event(.received(.endsAcknowledged([Fence(1)])))
    bench.event(.disconnected)
    bench.welcome()
    #expect(bench.effects == [.list([])])
  }

  @Test func `the list tells what waits, what runs and what ended`() {
    var bench = Bench(cores: 1)
    bench.welcome()
    bench.start(1)
    bench.started(1)
    bench.ended(1)
    bench.start(2)
    bench.started(2)
    bench.start(3)
    bench.event(.disconnected)
    bench.welcome()
    guard case .list(let held)? = bench.effects.first else { return #expect(Bool(false)) }
    #expect(held.map(\.fence.value) == [3, 2, 1])
    #expect(held[0].phase == .waiting)
    #expect(held[1].phase == .running(since: WallTime(nanoseconds: 7)))
  }

  @Test func `what an earlier start left is in the list`() {
    let lost = AttemptResult(kind: .lost, rc: -1, start: .none, stop: .none)
    var bench = Bench(left: [(Fence(4), lost)])
    bench.welcome()
    #expect(bench.effects == [.list([.init(fence: Fence(4), phase: .ended(lost))])])
  }

  @Test func `a lease is kept by acknowledged heartbeats, counted from their sending`() {
    var bench = Bench()
    bench.event(.helloSent(at: bench.now))
    bench.event(
      .welcomed(.init(version: 1, epoch: Epoch(1), heartbeatMilliseconds: 5_000, leaseMilliseconds: 100_000)))
    bench.start(1)
    bench.started(1)
    bench.nextTimer()
    #expect(bench.effects == [.send(.heartbeat(1))])
    let sent = bench.now
    bench.now = bench.now + .seconds(4)
    bench.event(.received(.heartbeatAcknowledged(1)))
    bench.event(.disconnected)
    bench.nextTimer()
    #expect(bench.now - sent == .seconds(80))
    #expect(bench.effects == [.signal(Fence(1), .terminate)])
    bench.nextTimer()
    #expect(bench.now - sent == .seconds(90))
    #expect(bench.effects == [.signal(Fence(1), .kill)])
    bench.ended(1, .signal(9))
    bench.welcome()
    guard case .list(let held)? = bench.effects.first, case .ended(let result) = held[0].phase else {
      return #expect(Bool(false))
    }
    #expect(result.kind == .leaseExpired)
  }

  @Test func `what the agent's other process killed past the lease has not failed`() {
    var bench = Bench()
    bench.welcome(leaseSeconds: 100)
    bench.start(1)
    bench.started(1)
    // This process was stopped meanwhile.
    bench.now = bench.now + .seconds(96)
    bench.ended(1, .signal(9))
    #expect(bench.result?.kind == .leaseExpired)
  }

  @Test func `what is killed by SIGKILL within its lease has failed`() {
    var bench = Bench()
    bench.welcome(leaseSeconds: 100)
    bench.start(1)
    bench.started(1)
    bench.now = bench.now + .seconds(70)
    bench.ended(1, .signal(9))
    #expect(bench.result?.kind == .exited && bench.result?.rc == 137)
  }

  @Test func `what another process ended for its lease leaves no time at which to be woken for it`() {
    var bench = Bench()
    bench.welcome(leaseSeconds: 100)
    bench.start(1, timeout: 97)
    bench.started(1)
    bench.now = bench.now + .seconds(98)
    bench.ended(1, .signal(9))
    #expect(bench.result?.kind == .leaseExpired)
    bench.event(.timer)
    #expect(bench.tracker.nextDeadline.map { $0 > bench.now } ?? true)
  }

  @Test func `what takes more memory than it said is killed at once, and says so`() {
    var bench = Bench()
    bench.welcome()
    bench.event(.received(.start(Bench.start(1, memoryMB: 64, grace: 100))))
    bench.started(1)
    bench.event(.memoryExceeded(Fence(1)))
    #expect(bench.effects == [.signal(Fence(1), .terminate), .signal(Fence(1), .kill)])
    bench.ended(1, .signal(9))
    #expect(bench.result?.kind == .memoryLimit)
    #expect(bench.result?.words == "memory limit of 64 MB exceeded; ended by signal 9 (SIGKILL)")
    bench.event(.memoryExceeded(Fence(1)))
    #expect(bench.effects == [])
  }

  @Test func `an end that the kernel brought about for memory is told as such, whatever the exit code`() {
    var bench = Bench()
    bench.welcome()
    bench.event(.received(.start(Bench.start(1, memoryMB: 64))))
    bench.started(1)
    bench.event(
      .processEnded(
        Fence(1), ProcessEnd(how: .exit(code: 0), stop: WallTime(nanoseconds: 9), isOverMemory: true)))
    #expect(bench.result?.kind == .memoryLimit && bench.result?.rc == 0)
  }

  @Test
  func
    `an agent that takes no new work hands back what waits, says so on each connection, and takes work again`()
  {
    var bench = Bench(cores: 1)
    bench.welcome()
    bench.start(1)
    bench.started(1)
    bench.start(2)
    bench.event(.unfit(reason: "it hangs"))
    #expect(bench.sent == [.handedBack(Fence(2), nil), .unfit(reason: "it hangs")])
    bench.event(.unfit(reason: "it hangs"))
    #expect(bench.effects == [])
    bench.start(3)
    #expect(bench.sent == [.handedBack(Fence(3), nil)])
    bench.event(.disconnected)
    bench.welcome()
    #expect(bench.sent == [.unfit(reason: "it hangs")])
    bench.ended(1, .exit(code: 0))
    bench.event(.unfit(reason: ""))
    #expect(bench.sent == [.unfit(reason: "")])
    bench.start(4)
    #expect(bench.spawned == [4])
  }

  @Test func `past 80 percent of its lease an agent starts nothing new`() {
    var bench = Bench()
    bench.welcome(leaseSeconds: 100)
    bench.now = bench.now + .seconds(81)
    bench.start(1)
    #expect(bench.effects == [.send(.handedBack(Fence(1), nil))])
  }

  @Test func `what waits when the lease runs out is handed back, and is not started by what ends then`() {
    var bench = Bench(cores: 1)
    bench.welcome(leaseSeconds: 100)
    bench.start(1)
    bench.started(1)
    bench.start(2)
    bench.nextTimer()
    #expect(bench.effects.contains(.signal(Fence(1), .terminate)))
    #expect(bench.sent == [.handedBack(Fence(2), nil)])
    bench.ended(1, .signal(15))
    #expect(bench.spawned == [])
  }

  @Test func `an agent that stood still past its lease starts nothing of what waited`() {
    var bench = Bench(cores: 1)
    bench.welcome(leaseSeconds: 100)
    bench.start(1)
    bench.started(1)
    bench.start(2)
    bench.event(.disconnected)
    bench.now = bench.now + .seconds(120)
    // That the process ended is heard before any timer.
    bench.ended(1)
    #expect(bench.spawned == [])
    bench.welcome(leaseSeconds: 100)
    guard case .list(let held)? = bench.effects.first else { return #expect(Bool(false)) }
    #expect(held.map(\.fence) == [Fence(1)])
    // The coordinator gave it to nobody else meanwhile.
    bench.start(2)
    #expect(bench.spawned == [2])
  }

  @Test func `a task's own lease ends it before or after its agent's others`() {
    var bench = Bench(cores: 3)
    bench.welcome(leaseSeconds: 100)
    let welcomed = bench.now
    bench.start(1, lease: 50)
    bench.start(2)
    bench.start(3, grace: 60, lease: 1000)
    for fence in 1...3 { bench.started(Int64(fence)) }
    bench.event(.disconnected)
    var signals: [String] = []
    while (bench.now - welcomed) < .seconds(900) {
      bench.nextTimer()
      for effect in bench.effects {
        guard case .signal(let fence, let signal) = effect else { continue }
        signals.append("\(fence.value) \(signal) at \((bench.now - welcomed).nanoseconds / 1_000_000_000)")
      }
    }
    #expect(
      signals == [
        "1 terminate at 40", "1 kill at 45", "2 terminate at 80", "2 kill at 90", "3 terminate at 800",
        "3 kill at 900",
      ])
  }

  @Test func `past 80 percent of a task's own lease it does not begin`() {
    var bench = Bench(cores: 1)
    bench.welcome(leaseSeconds: 100)
    bench.start(1)
    bench.started(1)
    bench.start(2, lease: 20)
    bench.start(3, lease: 0)
    bench.now = bench.now + .seconds(17)
    bench.ended(1)
    #expect(bench.sent.contains(.handedBack(Fence(2), nil)))
    #expect(bench.spawned == [3])
    bench.ended(3)
    bench.now = bench.now + .seconds(70)
    bench.start(4, lease: 0)
    #expect(bench.sent == [.handedBack(Fence(4), nil)], "nor what has none, past its agent's")
  }

  @Test func `a short lease is renewed ten times in its length`() {
    var bench = Bench()
    bench.welcome(leaseSeconds: 300)
    bench.start(1, lease: 10)
    bench.started(1)
    let begun = bench.now
    bench.nextTimer()
    #expect(bench.now - begun == .seconds(1) && bench.sent == [.heartbeat(1)])
    bench.event(.received(.heartbeatAcknowledged(1)))
    bench.nextTimer()
    #expect(bench.now - begun == .seconds(2) && bench.sent == [.heartbeat(2)])
    bench.ended(1)
    bench.nextTimer()
    #expect(bench.now - begun == .seconds(3), "the one that was due")
    bench.event(.received(.heartbeatAcknowledged(3)))
    bench.nextTimer()
    #expect(bench.now - begun > .seconds(100))
  }

  @Test func `a lease of 0 never ends`() {
    var bench = Bench()
    bench.welcome(leaseSeconds: 0)
    bench.start(1)
    bench.started(1)
    bench.event(.disconnected)
    #expect(bench.tracker.nextDeadline == nil)
  }

  @Test func `a coordinator that answers no heartbeat is dialed anew`() {
    var bench = Bench()
    bench.event(.helloSent(at: bench.now))
    bench.event(
      .welcomed(.init(version: 1, epoch: Epoch(1), heartbeatMilliseconds: 5_000, leaseMilliseconds: 100_000)))
    for _ in 0..<10 {
      bench.nextTimer()
      if case .reconnect? = bench.effects.last { return }
    }
    Issue.record("the dead connection was never noticed")
  }

  @Test func `a stopping agent hands back what waits, ends what runs, and leaves`() {
    var bench = Bench(cores: 1)
    bench.welcome()
    bench.start(1)
    bench.started(1)
    bench.start(2)
    bench.event(.shutdown)
    #expect(bench.effects == [.send(.handedBack(Fence(2), nil)), .signal(Fence(1), .terminate)])
    bench.start(3)
    #expect(bench.effects == [.send(.handedBack(Fence(3), nil))])
    bench.ended(1, .signal(15))
    guard case .handedBack(let fence, let result?)? = bench.sent.first else { return #expect(Bool(false)) }
    #expect(fence == Fence(1))
    #expect(result.rc == 143)
    #expect(bench.effects.last == .leave)
  }

  @Test func `output that is lost after the end is told in the result, until that is acknowledged`() {
    var bench = Bench()
    bench.welcome()
    bench.start(1)
    bench.started(1)
    bench.ended(1)
    bench.event(.outputLost(Fence(1), "no room"))
    guard case .record(.ended(Fence(1), let kept))? = bench.effects.first else { return #expect(Bool(false)) }
    #expect(kept.words == "output was lost: no room" && bench.result == kept)
    bench.event(.received(.endsAcknowledged([Fence(1)])))
    bench.event(.outputLost(Fence(1), "no room"))
    #expect(bench.effects.isEmpty)
  }

  @Test func `an idle agent that is to stop leaves at once`() {
    var bench = Bench()
    bench.event(.shutdown)
    #expect(bench.effects == [.leave])
  }
}
