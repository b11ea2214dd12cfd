import Protocol
import Scheduling
import Testing

@Suite struct RunAgainTests {
  /// A task that ended, and one after it that was sent and has not started.
  private func sent() -> Stage {
    var stage = Stage()
    stage.agent("a", cores: 2)
    stage.submit(0, [.of(1), .of(1), .of(1)], [.from(0, to: 1)])
    stage.end(0)
    return stage
  }

  @Test func `what was sent and has not started is asked back when what it follows runs again`() {
    var stage = sent()
    #expect(stage.holds(1))
    #expect(stage.command(.queueTask(RunID(0), TaskIndex(0), downstream: false)) == nil)
    #expect(!stage.holds(1) && stage.state(1) == .queued)
    #expect(stage.scheduler.brokenInvariant() == nil)
    stage.end(0)
    stage.end(1)
    stage.end(2)
    #expect(stage.state(ofRun: 0) == .completed)
  }

  @Test func `what its agent never got is not sent again before what it follows has run again`() {
    var stage = sent()
    let agent = stage.find(1, 0).0
    stage.disconnect(agent)
    stage.held = [:]
    stage.command(.queueTask(RunID(0), TaskIndex(0), downstream: false))
    stage.agent("a", cores: 2)
    #expect(stage.holds(0) && !stage.holds(1) && stage.holds(2))
    stage.end(0)
    #expect(stage.holds(1))
  }

  @Test func `a restart forgets not that it was asked back`() {
    var stage = sent()
    let agent = stage.find(1, 0).0
    stage.disconnect(agent)
    stage.held = [:]
    stage.command(.queueTask(RunID(0), TaskIndex(0), downstream: false))
    #expect(stage.restart() == nil)
    stage.agent("a", cores: 2)
    #expect(stage.holds(0) && !stage.holds(1) && stage.holds(2))
  }

  @Test func `a generated name that comes again goes on counting attempts, and begins its budgets anew`() {
    var stage = Stage()
    stage.agent("a")
    stage.submit(0, [.of(1, generator: true)])
    stage.end(0)
    stage.join(family: 1, task: 1, moved: [])
    stage.end(1, rc: 1)
    #expect(stage.state(1) == .errored)
    stage.command(.queueTask(RunID(0), TaskIndex(0), downstream: false))
    stage.end(0)
    stage.join(family: 2, task: 2, moved: [(TaskIndex(1), TaskIndex(2))])
    #expect(stage.held.values.joined().first?.number == AttemptNumber(2))
    #expect(stage.restart() == nil)
  }

  @Test func `who asks for a generated task that is dropped by then is told that it is gone`() {
    var stage = Stage()
    stage.agent("a")
    stage.submit(0, [.of(1, generator: true), .of(1)])
    stage.end(0)
    stage.join(family: 2, task: 2, moved: [])
    stage.command(.queueTask(RunID(0), TaskIndex(0), downstream: false))
    #expect(stage.command(.killTask(RunID(0), TaskIndex(2)))?.kind == .notFound)
    #expect(stage.command(.queueTask(RunID(0), TaskIndex(2), downstream: false))?.kind == .notFound)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }
}

extension Stage {
  /// The generator's output is one task.
  fileprivate mutating func join(family: Int32, task: Int32, moved: [(from: TaskIndex, to: TaskIndex)]) {
    let (key, fence) = expansions.removeLast()
    let graph = PlanGraph(families: [.of(1)], edges: [.from(0, to: family)])
    say(
      .generatorExpanded(
        key.run, key.task, fence,
        .added(firstFamily: FamilyIndex(family), firstTask: TaskIndex(task), graph, moved: moved)))
  }
}
