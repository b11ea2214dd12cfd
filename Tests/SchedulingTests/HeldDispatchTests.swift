import Protocol
import Scheduling
import Testing

/// While the coordinator's disk is full nothing new is sent to agents.
@Suite struct HeldDispatchTests {
  @Test func `while it is held nothing is dispatched, and what was goes on to its end`() {
    var stage = Stage()
    stage.agent("a", cores: 2)
    stage.submit(0, [.of(4), .of(1)], [.from(0, to: 1)])
    #expect(stage.holds(0) && stage.holds(1))
    stage.scheduler.setHeld(true, at: stage.now)
    stage.end(0)
    stage.end(1)
    #expect(stage.state(0) == .completed && stage.state(1) == .completed)
    stage.agent("b", cores: 2)
    stage.submit(1, [.of(1)])
    stage.pass(.seconds(120))
    #expect(!stage.held.values.contains { !$0.isEmpty })
    #expect(stage.scheduler.brokenInvariant() == nil)
    stage.scheduler.setHeld(false, at: stage.now)
    stage.say(.clockTicked)
    #expect(stage.holds(2) && stage.holds(3))
    stage.end(2)
    stage.end(3)
    #expect(stage.holds(4))
    stage.end(4)
    #expect(stage.state(ofRun: 0) == .completed)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `an attempt that failed or was lost meanwhile is made again afterwards`() {
    var stage = Stage()
    stage.agent("a", cores: 1)
    stage.submit(0, [.of(1, retries: 1, interval: 5)])
    stage.start(0)
    stage.scheduler.setHeld(true, at: stage.now)
    stage.end(0, rc: 1)
    #expect(stage.state(0) == .retry)
    stage.pass(.seconds(10))
    #expect(stage.state(0) == .queued && !stage.holds(0))
    stage.scheduler.setHeld(false, at: stage.now)
    stage.say(.clockTicked)
    #expect(stage.holds(0))
  }

  @Test func `one that others overtook before wakes nobody while it is held`() {
    var stage = Stage()
    stage.agent("a", cores: 2)
    stage.submit(0, [.of(1)])
    stage.submit(1, [.of(1, cores: 2)])
    stage.submit(2, [.of(1)])
    #expect(stage.holds(0, run: 0) && !stage.holds(0, run: 1) && stage.holds(0, run: 2))
    stage.scheduler.setHeld(true, at: stage.now)
    stage.pass(.seconds(61))
    #expect(stage.scheduler.nextDeadline.map { $0 > stage.now } ?? true)
    stage.end(0, run: 0)
    stage.end(0, run: 2)
    stage.scheduler.setHeld(false, at: stage.now)
    stage.say(.clockTicked)
    #expect(stage.holds(0, run: 1))
  }
}
