import Protocol
import Scheduling
import Testing

/// Random lives of an agent, held against a naive second model: what runs, what room it takes, what was
/// spawned and what ended, all as plain sets.
struct AttemptTrackerRandomTests {
  private struct World {
    var random: SplitMix
    var tracker: AttemptTracker
    var now = Instant(nanoseconds: 1)
    let capacity = ResourceVector(milliCores: 4_000, memoryMB: 400)
    var needs: [Fence: ResourceVector] = [:]
    var order: [Fence] = []
    /// When each came, or came again after it was handed back while nobody heard.
    var places: [Fence: Int] = [:]
    var arrivals = 0
    var alive: Set<Fence> = []
    var spawnedOnce: Set<Fence> = []
    var results: [Fence: AttemptResult] = [:]
    var givenBack: Set<Fence> = []
    var terminated: Set<Fence> = []
    var killed: Set<Fence> = []
    var isWelcome = false
    var hasLeft = false
    var lastStarted = -1

    init(seed: UInt64) {
      random = SplitMix(state: seed)
      tracker = AttemptTracker(.init(capacity: capacity))
    }

    /// Events that effects cause follow once all effects of their event are carried out.
    private var inbox: [AttemptEvent] = []
    private var isHandling = false

    mutating func event(_ event: AttemptEvent) {
      inbox.append(event)
      if isHandling { return }
      isHandling = true
      while !inbox.isEmpty {
        var effects: [AttemptEffect] = []
        tracker.handle(inbox.removeFirst(), at: now, into: &effects)
        for effect in effects { carryOut(effect) }
        check()
      }
      isHandling = false
    }

    private mutating func carryOut(_ effect: AttemptEffect) {
      switch effect {
      case .spawn(let start):
        let fence = start.fence
        #expect(spawnedOnce.insert(fence).inserted, "\(fence) was spawned twice")
        #expect(!givenBack.contains(fence), "\(fence) was given back and then spawned")
        let place = places[fence]!
        #expect(place > lastStarted, "\(fence) was started out of order")
        lastStarted = place
        alive.insert(fence)
        if random.below(10) == 0 {
          alive.remove(fence)
          event(.spawnFailed(fence, rc: 127, words: "no such program", at: .none))
        } else {
          event(.processStarted(fence, at: WallTime(nanoseconds: now.nanoseconds)))
        }
      case .signal(let fence, let signal):
        #expect(alive.contains(fence), "a signal for \(fence), which does not run")
        if signal == .terminate {
          #expect(terminated.insert(fence).inserted)
        } else {
          #expect(terminated.contains(fence), "SIGKILL without SIGTERM")
          #expect(killed.insert(fence).inserted)
        }
      case .send(let message):
        #expect(isWelcome)
        told(message)
      case .announce(let fence, let message):
        #expect(isWelcome)
        #expect(!alive.contains(fence))
        told(message)
      case .list(let held):
        for item in held {
          switch item.phase {
          case .waiting: #expect(!spawnedOnce.contains(item.fence))
          case .running: #expect(alive.contains(item.fence))
          case .ending: Issue.record("only who keeps the output knows what is still to be sent")
          case .ended(let result): told(.ended(item.fence, result))
          }
        }
        for fence in alive { #expect(held.contains { $0.fence == fence }) }
        for fence in order where !held.contains(where: { $0.fence == fence }) { places[fence] = nil }
      case .reconnect:
        isWelcome = false
        event(.disconnected)
      case .leave:
        #expect(!hasLeft)
        hasLeft = true
      case .record, .forgetOutput: break
      }
    }

    private mutating func told(_ message: ToCoordinator) {
      switch message {
      case .ended(let fence, let result), .handedBack(let fence, let result?):
        #expect(spawnedOnce.contains(fence))
        if let before = results[fence] { #expect(before == result, "\(fence) ended in two ways") }
        results[fence] = result
      case .revoked(let fence), .handedBack(let fence, nil):
        #expect(!spawnedOnce.contains(fence))
        givenBack.insert(fence)
      case .started(let fence, _): #expect(spawnedOnce.contains(fence))
      default: break
      }
    }

    private func check() {
      var used = ResourceVector.zero
      for fence in alive { used += needs[fence]! }
      #expect(used.fits(in: capacity), "over capacity")
      #expect(tracker.runningCount >= alive.count)
    }

    mutating func step() {
      now = now + .milliseconds(Int64(random.below(3_000)))
      switch random.below(12) {
      case 0...3 where isWelcome:
        let fence = Fence(Int64(order.count + 1))
        order.append(fence)
        needs[fence] = ResourceVector(
          milliCores: Int64(random.below(5)) * 1_000, memoryMB: Int64(random.below(300)))
        send(fence)
      case 4 where isWelcome && !order.isEmpty:
        let fence = anyFence()
        if !givenBack.contains(fence) { send(fence) }
      case 5 where isWelcome && !order.isEmpty: event(.received(.revoke(anyFence())))
      case 6 where isWelcome && !order.isEmpty:
        event(.received(.kill(anyFence(), graceSeconds: random.below(2) == 0 ? nil : 1, reason: "test")))
      case 7 where isWelcome && !results.isEmpty:
        event(.received(.endsAcknowledged(results.keys.sorted().filter { _ in random.below(2) == 0 })))
      case 8:
        if isWelcome {
          isWelcome = false
          event(.disconnected)
        } else {
          isWelcome = true
          event(.helloSent(at: now))
          event(
            .welcomed(
              .init(version: 1, epoch: Epoch(1), heartbeatMilliseconds: 2_000, leaseMilliseconds: 60_000)))
        }
      case 9, 10: if let fence = alive.sorted().first(where: { _ in random.below(3) == 0 }) { end(fence) }
      default: break
      }
      if let due = tracker.nextDeadline, due <= now { event(.timer) }
    }

    private mutating func send(_ fence: Fence) {
      if places[fence] == nil {
        arrivals += 1
        places[fence] = arrivals
      }
      event(.received(.start(start(fence))))
    }

    private mutating func anyFence() -> Fence { order[random.below(order.count)] }

    private func start(_ fence: Fence) -> ToAgent.Start {
      ToAgent.Start(
        fence: fence, run: RunID(0), task: "t", number: AttemptNumber(1),
        job: Job(
          command: ["x"], needs: needs[fence]!, timeoutSeconds: fence.value % 3 == 0 ? 20 : 0,
          killGraceSeconds: fence.value % 2 == 0 ? 2 : nil))
    }

    mutating func end(_ fence: Fence) {
      alive.remove(fence)
      if !killed.contains(fence), random.below(10) == 0 {
        return event(.spawnFailed(fence, rc: 127, words: "no such program", at: .none))
      }
      event(
        .processEnded(
          fence, ProcessEnd(how: killed.contains(fence) ? .signal(9) : .exit(code: 0), stop: .none)))
    }
  }

  @Test(arguments: 0..<60)
  func `random lives never exceed the room, fork twice or end twice`(seed: Int) {
    var world = World(seed: UInt64(seed))
    for _ in 0..<400 { world.step() }
    if !world.isWelcome {
      world.isWelcome = true
      world.event(.helloSent(at: world.now))
      world.event(
        .welcomed(.init(version: 1, epoch: Epoch(1), heartbeatMilliseconds: 2_000, leaseMilliseconds: 0)))
    }
    world.event(.shutdown)
    for fence in world.alive.sorted() { world.end(fence) }
    #expect(world.hasLeft)
    for fence in world.order {
      #expect(
        world.results[fence] != nil || world.givenBack.contains(fence)
          || world.spawnedOnce.contains(fence) == false)
      if world.spawnedOnce.contains(fence) { #expect(world.results[fence] != nil, "\(fence) never ended") }
    }
  }
}
