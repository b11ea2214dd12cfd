import Protocol
import Scheduling
import Testing

/// Tasks that say for how long they may run on unheard of. The coordinator's lease is 300 s.
@Suite struct OwnLeaseTests {
  /// Task 0 with that lease and task 1 with the coordinator's, both running at an agent that is then cut off.
  private func cutOff(leaseSeconds: Int32) -> (Stage, AgentID) {
    var stage = Stage()
    let agent = stage.agent("far", cores: 2)
    stage.submit(0, [.of(1, lease: TaskLease(seconds: leaseSeconds)!), .of(1)])
    stage.start(0)
    stage.start(1)
    stage.disconnect(agent)
    return (stage, agent)
  }

  private func words(_ stage: Stage, _ task: Int32) -> String {
    stage.records.values.first { $0.key.task == TaskIndex(task) }!.words
  }

  @Test func `a longer one outlives its agent's: the attempt is lost 10 percent after its own end`() {
    var (stage, _) = cutOff(leaseSeconds: 1000)
    stage.pass(.seconds(331))
    #expect(stage.scheduler.agent(named: "far")?.state == .lost)
    #expect(stage.state(0) == .running && stage.state(1) == .queued)
    stage.pass(.seconds(768))
    #expect(stage.state(0) == .running)
    stage.pass(.seconds(2))
    #expect(stage.state(0) == .queued)
    #expect(words(stage, 0) == "lost: no word from agent far for 1101 s, the task's lease is over")
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `what runs on at an agent that was LOST goes on when the agent is back`() {
    var (stage, agent) = cutOff(leaseSeconds: 1000)
    let fence = stage.held[agent]!.first { $0.key.task == TaskIndex(0) }!.fence
    stage.pass(.seconds(331))
    stage.agent(
      "far", cores: 2,
      lists: [.init(fence: fence, phase: .running(since: WallTime(nanoseconds: stage.wall)))])
    stage.end(0)
    #expect(stage.state(0) == .completed)
    #expect(stage.records.values.filter { $0.key.task == TaskIndex(0) }.count == 1)
  }

  @Test func `a shorter one ends while its agent is only SUSPECT`() {
    var (stage, _) = cutOff(leaseSeconds: 60)
    stage.pass(.seconds(65))
    #expect(stage.state(0) == .running)
    stage.pass(.seconds(2))
    #expect(stage.state(0) == .queued && stage.state(1) == .running)
    #expect(stage.scheduler.agent(named: "far")?.state == .suspect)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `an agent that is heard of keeps what it runs, however short the lease`() {
    var stage = Stage()
    stage.agent("near")
    stage.submit(0, [.of(1, lease: TaskLease(seconds: 10)!)])
    stage.start(0)
    for _ in 1...20 { stage.pass(.seconds(5)) }
    #expect(stage.state(0) == .running)
  }

  @Test func `with none only a person gives the attempt up, and then at once`() {
    var (stage, agent) = cutOff(leaseSeconds: 0)
    let fence = stage.held[agent]!.first { $0.key.task == TaskIndex(0) }!.fence
    stage.pass(.seconds(1_000_000))
    #expect(stage.state(0) == .running && stage.state(1) == .queued)
    #expect(stage.command(.killTask(RunID(0), TaskIndex(0))) == nil)
    #expect(stage.state(0) == .killed)
    #expect(
      words(stage, 0) == "killed while its agent far is LOST: whether it still runs there is not known")
    #expect(stage.scheduler.brokenInvariant() == nil)
    // It did.
    stage.agent(
      "far", cores: 2,
      lists: [.init(fence: fence, phase: .running(since: WallTime(nanoseconds: stage.wall)))])
    #expect(stage.killed == [fence])
  }

  @Test func `a kill that waits for an agent's word ends with that agent's lease where there is none`() {
    var (stage, _) = cutOff(leaseSeconds: 0)
    stage.command(.killTask(RunID(0), TaskIndex(0)))
    #expect(stage.state(0) == .running)
    stage.pass(.seconds(331))
    #expect(stage.state(0) == .killed)
  }

  @Test func `a run is killed with what it has at a LOST agent`() {
    var (stage, _) = cutOff(leaseSeconds: 0)
    stage.pass(.seconds(331))
    stage.command(.kill(RunID(0)))
    #expect(stage.state(ofRun: 0) == .killed)
  }

  @Test func `the name of a LOST agent is not given away while something may run there`() {
    var (stage, _) = cutOff(leaseSeconds: 0)
    stage.pass(.seconds(331))
    stage.agent("far", directory: "another")
    #expect(
      stage.refusals == [
        "another agent is named far and is LOST: choose another --name, or wait until what it may still run is over (leaseSeconds), or kill that"
      ])
    stage.command(.kill(RunID(0)))
    stage.agent("far", directory: "another")
    #expect(stage.refusals.count == 1)
  }

  @Test func `a restart of the coordinator begins every lease anew`() {
    var (stage, _) = cutOff(leaseSeconds: 1000)
    stage.pass(.seconds(900))
    #expect(stage.restart() == nil)
    stage.pass(.seconds(1099))
    #expect(stage.state(0) == .running)
    stage.pass(.seconds(2))
    #expect(stage.state(0) == .queued)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }
}
