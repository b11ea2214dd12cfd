import Protocol
import Scheduling
import Testing

/// What attempts that are lost cost: a budget of their own, and the search for what agents die of.
@Suite struct LossBudgetTests {
  /// The agent's process dies with all that it holds, and is started again.
  private func dies(_ stage: inout Stage, _ agent: AgentID, _ start: inout Int64, cores: Int64 = 2) {
    stage.disconnect(agent)
    stage.held[agent] = []
    start += 1
    stage.agent("a", cores: cores, start: start)
  }

  /// Falls silent past its lease with all that it holds, and comes back without it.
  private func fallsSilent(_ stage: inout Stage, _ agent: AgentID) {
    stage.disconnect(agent)
    stage.held[agent] = []
    stage.pass(.seconds(331))
    stage.agent("a")
  }

  @Test func `a task may be lost five times, and with the sixth is ERRORED`() {
    var stage = Stage()
    let agent = stage.agent("a")
    stage.submit(0, [.of(1, retries: 3)])
    for _ in 1...5 {
      stage.start(0)
      fallsSilent(&stage, agent)
      #expect(stage.holds(0))
    }
    stage.start(0)
    fallsSilent(&stage, agent)
    #expect(stage.state(0) == .errored)
    #expect(stage.records.values.contains { $0.words.contains("lost 6 times, it is not tried again") })
  }

  @Test(arguments: [0, 1, 7] as [Int32])
  func `how often is said by the task where it says so`(maxLost: Int32) {
    var stage = Stage()
    let agent = stage.agent("a")
    stage.submit(0, [.of(1, retries: 3, maxLost: maxLost)])
    for _ in 0..<maxLost {
      stage.start(0)
      fallsSilent(&stage, agent)
    }
    #expect(stage.holds(0))
    stage.start(0)
    fallsSilent(&stage, agent)
    #expect(stage.state(0) == .errored)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `what kills its agents is found, and what ran beside it is not taken for it`() {
    var stage = Stage()
    let agent = stage.agent("a", cores: 2)
    stage.submit(0, [.of(2)])
    var start: Int64 = 1
    for _ in 1...2 {
      stage.start(0)
      stage.start(1)
      dies(&stage, agent, &start)
    }
    // Either may be it: the next death is to tell, so they do not run side by side.
    #expect(stage.holds(0) && !stage.holds(1))
    #expect(stage.scheduler.brokenInvariant() == nil)
    stage.start(0)
    dies(&stage, agent, &start)
    #expect(stage.state(0) == .errored)
    #expect(stage.records.values.contains { $0.words.contains("deaths of 3 agent processes") })
    #expect(stage.holds(1))
    stage.start(1)
    stage.end(1)
    #expect(stage.state(1) == .completed && stage.state(ofRun: 0) == .errored)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `two that may be it run at the same time at two agents`() {
    var stage = Stage()
    let agent = stage.agent("a", cores: 2)
    stage.submit(0, [.of(2)])
    var start: Int64 = 1
    for _ in 1...2 {
      stage.start(0)
      stage.start(1)
      dies(&stage, agent, &start)
    }
    #expect(!stage.holds(1))
    let other = stage.agent("b")
    #expect(stage.held[other]?.map(\.key.task) == [TaskIndex(1)])
  }

  @Test func `what waits apart holds up nobody, not even in its own family`() {
    var stage = Stage()
    let agent = stage.agent("a", cores: 2)
    stage.submit(0, [.of(3)])
    var start: Int64 = 1
    for _ in 1...2 {
      stage.start(0)
      stage.start(1)
      dies(&stage, agent, &start)
    }
    #expect(stage.holds(0) && !stage.holds(1) && stage.holds(2))
    stage.start(2)
    stage.end(2)
    #expect(!stage.holds(1))
    stage.start(0)
    stage.end(0)
    #expect(stage.holds(1))
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `what runs beside the one that may be it is not blamed for a further death`() {
    var stage = Stage()
    let agent = stage.agent("a", cores: 1)
    stage.submit(0, [.of(1)])
    var start: Int64 = 1
    for _ in 1...2 {
      stage.start(0)
      dies(&stage, agent, &start, cores: 1)
    }
    stage.disconnect(agent)
    let key = TaskKey(RunID(1), TaskIndex(0))
    stage.held[agent] = []
    stage.agent("a", cores: 2, start: start)
    stage.submit(1, [.of(1)])
    stage.start(0)
    stage.start(0, run: 1)
    dies(&stage, agent, &start)
    #expect(stage.state(0) == .errored)
    #expect(stage.histories[key] == .some(TaskHistory(lastNumber: 1, failures: 0, lost: 1, deaths: 0)))
  }

  @Test func `whatever the order in which a death's losses are told, one task is blamed`() {
    var stage = Stage()
    let agent = stage.agent("a", cores: 1)
    stage.submit(0, [.of(1)])
    var start: Int64 = 1
    for _ in 1...2 {
      stage.start(0)
      dies(&stage, agent, &start, cores: 1)
    }
    stage.disconnect(agent)
    stage.held[agent] = []
    stage.agent("a", cores: 2, start: start)
    stage.submit(1, [.of(1)])
    stage.start(0)
    stage.start(0, run: 1)
    let held = stage.held[agent]!
    stage.held[agent] = []
    for attempt in held.sorted(by: { $0.key.run < $1.key.run }) {
      stage.say(.attemptEnded(agent, stage.sessions[agent]!, attempt.fence, .died))
    }
    #expect(stage.state(0) == .errored)
    let beside = stage.histories[TaskKey(RunID(1), TaskIndex(0))]
    #expect(beside == .some(TaskHistory(lastNumber: 1, failures: 0, lost: 1, deaths: 0)))
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `an agent whose process died gets nothing new until it is back`() {
    var stage = Stage()
    let agent = stage.agent("a", cores: 2)
    stage.submit(0, [.of(2)])
    stage.start(0)
    stage.start(1)
    let first = stage.held[agent]![0]
    stage.say(.attemptEnded(agent, stage.sessions[agent]!, first.fence, .died))
    #expect(stage.state(0) == .queued && stage.held[agent]!.count == 2)
    stage.disconnect(agent)
    stage.held[agent] = []
    stage.agent("a", cores: 2, start: 2)
    #expect(stage.holds(0) && stage.holds(1))
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `an end that an agent lived through clears a task of suspicion`() {
    var stage = Stage()
    let agent = stage.agent("a")
    stage.submit(0, [.of(1, retries: 5)])
    var start: Int64 = 1
    for _ in 1...2 {
      stage.start(0)
      dies(&stage, agent, &start, cores: 1)
    }
    stage.start(0)
    stage.end(0, rc: 1)
    let history = stage.histories[TaskKey(RunID(0), TaskIndex(0))]!
    #expect(history == TaskHistory(lastNumber: 3, failures: 1, lost: 2, deaths: 0))
  }

  @Test func `who waits apart is known again after a restart, and can be killed`() {
    var stage = Stage()
    let agent = stage.agent("a", cores: 2)
    stage.submit(0, [.of(2)])
    var start: Int64 = 1
    for _ in 1...2 {
      stage.start(0)
      stage.start(1)
      dies(&stage, agent, &start)
    }
    stage.start(0)
    let fence = stage.held[agent]![0].fence
    #expect(stage.restart() == nil)
    stage.agent(
      "a", cores: 2, start: start,
      lists: [.init(fence: fence, phase: .running(since: WallTime(nanoseconds: stage.wall)))])
    #expect(!stage.holds(1))
    #expect(stage.scheduler.brokenInvariant() == nil)
    stage.command(.killTask(RunID(0), TaskIndex(1)))
    #expect(stage.state(1) == .killed)
    stage.end(0)
    #expect(stage.state(ofRun: 0) == .killed)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }
}

extension AttemptResult {
  fileprivate static let died = AttemptResult(
    kind: .lost, rc: -1, start: .none, stop: .none, words: "the agent's process died while it ran")
}
