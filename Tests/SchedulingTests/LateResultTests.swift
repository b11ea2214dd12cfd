import Protocol
import Scheduling
import Testing

/// Results of attempts that were taken for lost since their agent was silent past its lease.
@Suite struct LateResultTests {
  /// One task, started at an agent that then falls silent past its lease: its fence.
  private func lostTask(_ stage: inout Stage, _ families: [Family] = [.of(1)], _ edges: [Edge] = []) -> Fence
  {
    let agent = stage.agent("gone")
    stage.submit(0, families, edges)
    stage.start(0)
    let fence = stage.held[agent]![0].fence
    stage.held[agent] = []
    stage.disconnect(agent)
    stage.pass(.seconds(331))
    return fence
  }

  private func result(
    _ stage: Stage, rc: Int32 = 0, kind: AttemptResult.Kind = .exited, stopped: AttemptResult.Stop? = nil
  ) -> AttemptResult {
    let time = WallTime(nanoseconds: stage.wall)
    return AttemptResult(kind: kind, rc: rc, start: time, stop: time, stopped: stopped)
  }

  /// The agent comes back with that end.
  private func comesBack(_ stage: inout Stage, with fence: Fence, _ result: AttemptResult, start: Int64 = 1) {
    stage.agent("gone", start: start, lists: [ToCoordinator.Held(fence: fence, phase: .ended(result))])
  }

  @Test func `a success counts where no other attempt was sent: its children run and the loss is forgiven`() {
    var stage = Stage()
    let fence = lostTask(&stage, [.of(1), .of(1)], [.from(0, to: 1)])
    #expect(stage.records[fence]?.state == .lost && stage.records[fence]?.isAwaited == true)
    comesBack(&stage, with: fence, result(stage))
    #expect(stage.acknowledged == [fence])
    #expect(stage.state(0) == .completed && stage.holds(1))
    let record = stage.records[fence]!
    #expect(record.state == .completed && record.rc == 0 && record.number == AttemptNumber(1))
    #expect(!record.isAwaited && record.words.contains("its result came late and counts"))
    #expect(stage.histories[TaskKey(RunID(0), TaskIndex(0))] == .some(nil), "nothing was lost")
    stage.end(1)
    #expect(stage.state(ofRun: 0) == .completed)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `a success that comes while the agent is connected counts in the same way`() {
    var stage = Stage()
    let fence = lostTask(&stage)
    let agent = stage.agent("gone", lists: [.init(fence: fence, phase: .ending(result(stage)))])
    #expect(stage.holds(0), "it was sent again, as nobody knew")
    // That one is asked back and had not started.
    stage.command(.pause(RunID(0)))
    #expect(!stage.holds(0))
    stage.say(.attemptEnded(agent, stage.sessions[agent]!, fence, result(stage)))
    #expect(stage.state(0) == .completed)
  }

  @Test func `a generator's late success is expanded`() {
    var stage = Stage()
    let fence = lostTask(&stage, [.of(1, generator: true)])
    comesBack(&stage, with: fence, result(stage))
    #expect(stage.state(0) == .running)
    #expect(stage.expansions.map(\.1) == [fence])
    let key = stage.expansions[0].0
    stage.say(
      .generatorExpanded(
        key.run, key.task, fence,
        .added(
          firstFamily: FamilyIndex(1), firstTask: TaskIndex(1),
          PlanGraph(families: [.of(1)], edges: [.from(0, to: 1)]), moved: [])))
    #expect(stage.state(0) == .completed && stage.holds(1))
  }

  @Test func `once another attempt was started a result is kept in words and changes nothing`() {
    var stage = Stage()
    let fence = lostTask(&stage)
    stage.agent("other")
    stage.start(0)
    comesBack(&stage, with: fence, result(stage))
    #expect(stage.acknowledged == [fence] && stage.state(0) == .running)
    let record = stage.records[fence]!
    #expect(record.state == .lost && record.rc == -1 && record.stop == .none && !record.isAwaited)
    #expect(
      record.words.hasSuffix("; its result came late (rc 0) and changes nothing: attempt 2 was started since")
    )
    stage.end(0, rc: 3)
    #expect(stage.state(0) == .errored)
  }

  @Test func `while another attempt is on its way a success is late, too`() {
    var stage = Stage()
    let fence = lostTask(&stage)
    stage.agent("other")
    comesBack(&stage, with: fence, result(stage))
    #expect(stage.state(0) == .queued && stage.records[fence]!.words.contains("was sent to an agent since"))
    stage.end(0)
    #expect(stage.state(ofRun: 0) == .completed)
    #expect(stage.records.values.filter { $0.state == .completed }.map(\.number) == [AttemptNumber(2)])
  }

  @Test(arguments: [
    (3, AttemptResult.Kind.exited, nil), (0, .leaseExpired, nil), (-1, .lost, nil),
    (0, .exited, AttemptResult.Stop.killed), (0, .exited, .agentStops),
  ])
  func `nothing but a success of its own counts late`(
    rc: Int32, kind: AttemptResult.Kind, stopped: AttemptResult.Stop?
  ) {
    var stage = Stage()
    let fence = lostTask(&stage)
    comesBack(&stage, with: fence, result(stage, rc: rc, kind: kind, stopped: stopped))
    #expect(stage.state(0) == .queued && stage.holds(0))
    #expect(stage.records[fence]!.state == .lost && stage.records[fence]!.words.contains("changes nothing"))
    #expect(stage.histories[TaskKey(RunID(0), TaskIndex(0))]??.lost == 1)
  }

  @Test func `a result comes late also to a coordinator that was restarted`() {
    var stage = Stage()
    let fence = lostTask(&stage)
    #expect(stage.restart() == nil)
    comesBack(&stage, with: fence, result(stage))
    #expect(stage.state(ofRun: 0) == .completed)
  }

  @Test func `an agent's later start hands in what an earlier one ended`() {
    var stage = Stage()
    let fence = lostTask(&stage)
    comesBack(&stage, with: fence, result(stage), start: 2)
    #expect(stage.state(ofRun: 0) == .completed)
  }

  @Test func `what an agent that came back has not is awaited no more`() {
    var stage = Stage()
    let fence = lostTask(&stage)
    let agent = stage.agent("gone", start: 2)
    #expect(stage.records[fence]?.isAwaited == false)
    stage.say(.attemptEnded(agent, stage.sessions[agent]!, fence, result(stage)))
    #expect(stage.state(0) == .queued && stage.acknowledged == [fence])
  }

  @Test func `a fenced attempt that still runs is killed, and its end is told late`() {
    var stage = Stage()
    let fence = lostTask(&stage)
    let agent = stage.agent(
      "gone", lists: [.init(fence: fence, phase: .running(since: WallTime(nanoseconds: stage.wall)))])
    #expect(stage.killed == [fence])
    stage.say(.attemptEnded(agent, stage.sessions[agent]!, fence, result(stage, rc: 143, stopped: .killed)))
    #expect(stage.records[fence]!.words.contains("its result came late (rc 143)"))
    #expect(stage.state(0) == .queued && stage.holds(0))
  }

  @Test func `nothing is awaited of a run that ended, nor of a task that a person runs anew`() {
    var stage = Stage()
    let fence = lostTask(&stage, [.of(1), .of(1)])
    stage.command(.killTask(RunID(0), TaskIndex(0)))
    #expect(stage.state(0) == .killed && stage.records[fence]?.isAwaited == true)
    stage.command(.queueTask(RunID(0), TaskIndex(0), downstream: false))
    #expect(stage.records[fence]?.isAwaited == false)
    var other = Stage()
    let lost = lostTask(&other)
    other.command(.kill(RunID(0)))
    #expect(other.state(ofRun: 0) == .killed && other.records[lost]?.isAwaited == false)
  }

  @Test func `a success of a killed task or of what waits for its parents again changes nothing`() {
    var stage = Stage()
    let fence = lostTask(&stage, [.of(1), .of(1)])
    stage.command(.killTask(RunID(0), TaskIndex(0)))
    comesBack(&stage, with: fence, result(stage))
    #expect(stage.state(0) == .killed && stage.records[fence]!.words.hasSuffix("the task is KILLED"))

    var other = Stage()
    let agent = other.agent("gone")
    other.submit(0, [.of(1), .of(1)], [.from(0, to: 1)])
    other.end(0)
    other.start(1)
    let child = other.held[agent]![0].fence
    other.held[agent] = []
    other.disconnect(agent)
    other.pass(.seconds(331))
    other.command(.queueTask(RunID(0), TaskIndex(0), downstream: false))
    comesBack(&other, with: child, result(other))
    #expect(
      other.state(1) == .queued && other.records[child]!.words.hasSuffix("what it follows is run again"))
    #expect(other.scheduler.brokenInvariant() == nil)
  }

  @Test func `the same late result again is acknowledged and changes nothing`() {
    var stage = Stage()
    let fence = lostTask(&stage)
    comesBack(&stage, with: fence, result(stage))
    let record = stage.records[fence]
    comesBack(&stage, with: fence, result(stage, rc: 1))
    #expect(stage.acknowledged == [fence, fence] && stage.records[fence] == record)
  }
}
