import Protocol
import Scheduling
import Testing

@Suite struct SchedulerTests {
  @Test func `a family's tasks run in order, and what follows it waits for the last of them`() {
    var stage = Stage()
    stage.agent("a", cores: 2)
    stage.submit(0, [.of(3), .of(1)], [.from(0, to: 1)])
    #expect(stage.holds(0) && stage.holds(1) && !stage.holds(2))
    stage.start(0)
    #expect(stage.state(0) == .running && stage.runStates[RunID(0)] == [.queued, .running])
    stage.end(0)
    #expect(stage.holds(2) && !stage.holds(3))
    stage.end(1)
    stage.end(2)
    #expect(stage.holds(3) && stage.state(3) == .queued)
    stage.end(3)
    #expect(stage.state(ofRun: 0) == .completed)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `an edge to one task of a family holds back that one only`() {
    var stage = Stage()
    stage.agent("a", cores: 8)
    stage.submit(0, [.of(1), .of(3), .of(1)], [.from(0, to: 1, 1), .from(1, 2, to: 2)])
    #expect(stage.holds(0) && stage.holds(1) && !stage.holds(2) && stage.holds(3) && !stage.holds(4))
    stage.end(3)
    #expect(stage.holds(4))
    stage.end(0)
    #expect(stage.holds(2))
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `a failure is tried again after its interval and then errors what it must`() {
    var stage = Stage()
    stage.agent("a")
    stage.submit(0, [.of(1, retries: 1, interval: 5), .of(1)], [.from(0, to: 1)])
    stage.end(0, rc: 3)
    #expect(stage.state(0) == .retry && !stage.holds(0))
    stage.pass(.milliseconds(4_900))
    #expect(!stage.holds(0))
    stage.pass(.milliseconds(200))
    #expect(stage.holds(0))
    stage.end(0, rc: 3)
    #expect(stage.state(0) == .errored && stage.state(1) == .queued)
    #expect(stage.runStates[RunID(0)] == [.queued, .running, .errored])
  }

  @Test func `an agent that takes no new work gets none until it says otherwise, or connects anew`() {
    var stage = Stage()
    let agent = stage.agent("a")
    let session = stage.sessions[agent]!
    stage.say(.agentUnfit(agent, session, reason: "it hangs"))
    stage.submit(0, [.of(2)])
    stage.pass(.seconds(3))
    #expect(!stage.holds(0) && stage.scheduler.agents[0].unfitness == "it hangs")
    stage.say(.agentUnfit(agent, session, reason: ""))
    #expect(stage.holds(0))
    stage.say(.agentUnfit(agent, session, reason: "it hangs"))
    stage.end(0)
    #expect(!stage.holds(1))
    stage.agent("a")
    #expect(stage.holds(1) && stage.scheduler.agents[0].unfitness.isEmpty)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `a restart keeps what is completed and begins the budget anew`() {
    var stage = Stage()
    stage.agent("a")
    stage.submit(0, [.of(1), .of(1, retries: 1)], [.from(0, to: 1)])
    stage.end(0)
    stage.end(1, rc: 1)
    stage.end(1, rc: 1)
    #expect(stage.state(ofRun: 0) == .errored)
    #expect(stage.command(.queue(RunID(0))) == nil)
    #expect(stage.state(0) == .completed && stage.holds(1))
    #expect(stage.held.values.first!.first!.number == AttemptNumber(3))
    stage.end(1, rc: 1)
    stage.end(1)
    #expect(stage.runStates[RunID(0)] == [.queued, .running, .errored, .queued, .running, .completed])
  }

  @Test func `a killed run dispatches nothing more and ends when its last attempt is gone`() {
    var stage = Stage()
    stage.agent("a")
    stage.submit(0, [.of(3)])
    stage.start(0)
    #expect(stage.command(.kill(RunID(0))) == nil)
    #expect(stage.state(ofRun: 0) == .running && stage.state(0) == .running)
    #expect(stage.command(.kill(RunID(0))) == nil)
    #expect(stage.command(.queue(RunID(0)))?.kind == .conflict)
    stage.end(0, rc: 143)
    #expect(stage.state(ofRun: 0) == .killed && stage.state(0) == .killed && stage.state(1) == .queued)
    #expect(!stage.holds(1))
  }

  @Test func `a task that succeeds while it is being killed ends KILLED and keeps its rc`() {
    var stage = Stage()
    stage.agent("a")
    stage.submit(0, [.of(1)])
    stage.start(0)
    stage.command(.killTask(RunID(0), TaskIndex(0)))
    stage.end(0, rc: 0)
    #expect(stage.state(0) == .killed && stage.state(ofRun: 0) == .killed)
    let record = stage.records.values.first!
    #expect(record.rc == 0 && record.state == .killed)
  }

  @Test func `a paused run takes back what has not started and goes on when resumed`() {
    var stage = Stage()
    stage.agent("a", cores: 2)
    stage.submit(0, [.of(2)])
    stage.start(0)
    stage.command(.pause(RunID(0)))
    #expect(!stage.holds(1) && stage.holds(0))
    stage.end(0)
    #expect(stage.state(ofRun: 0) == .paused)
    #expect(stage.command(.queue(RunID(0))) == nil)
    #expect(stage.state(ofRun: 0) == .running && stage.holds(1))
    #expect(stage.held.values.joined().first!.number == AttemptNumber(1))
    stage.end(1)
    #expect(stage.state(ofRun: 0) == .completed)
  }

  @Test func `the agent that would be dented least gets the task, and ties go to the first`() {
    var stage = Stage()
    let small = stage.agent("small", cores: 2, memoryMB: 1000)
    let large = stage.agent("large", cores: 8, memoryMB: 1000)
    stage.submit(0, [.of(1, cores: 1, memoryMB: 10), .of(1, cores: 1, memoryMB: 500)])
    #expect(stage.held[large]?.map(\.key.task) == [TaskIndex(0)])
    #expect(stage.held[small]?.map(\.key.task) == [TaskIndex(1)])
  }

  @Test func `short tasks wait at their agent once their length is known, long ones never`() {
    var stage = Stage()
    stage.agent("a", cores: 2)
    stage.submit(0, [.of(1000)])
    #expect(stage.held.values.first!.count == 2)
    stage.end(0, lasting: .milliseconds(1))
    let waiting = stage.held.values.first!.count
    #expect(waiting > 20 && waiting <= 2 + 41)
    #expect(stage.state(5) == .queued)
    #expect(stage.scheduler.brokenInvariant() == nil)

    var slow = Stage()
    slow.agent("a", cores: 2)
    slow.submit(0, [.of(1000)])
    slow.end(0, lasting: .milliseconds(200))
    #expect(slow.held.values.first!.count == 2)
  }

  @Test func `however short they are, only so many wait at one agent`() {
    var stage = Stage()
    stage.agent("a", cores: 64)
    stage.submit(0, [.of(100_000)])
    stage.end(0, lasting: Period(nanoseconds: 1000))
    #expect(stage.held.values.first!.count == 64 + SchedulerSettings().backlogTasks)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `what comes first in order takes waiting work back`() {
    var stage = Stage()
    stage.agent("a")
    stage.submit(0, [.of(1), .of(1, memoryMB: 20)], [.from(0, to: 1)])
    stage.submit(1, [.of(100)])
    stage.start(0)
    stage.end(0)
    #expect(stage.holds(1))
    stage.end(1, lasting: .milliseconds(200))
    stage.end(0, run: 1)
    #expect(stage.held.values.first!.count > 5)
    stage.command(.queueTask(RunID(0), TaskIndex(1), downstream: false))
    #expect(stage.held.values.first!.filter { $0.key.run == RunID(1) }.count <= 1)
  }

  @Test func `a task too big for what is free is not starved by small ones`() {
    var stage = Stage()
    stage.agent("a", cores: 2)
    stage.submit(0, [.of(1, cores: 1)])
    stage.submit(1, [.of(1, cores: 2)])
    stage.submit(2, [.of(1000, cores: 1)])
    #expect(stage.holds(0) && !stage.holds(0, run: 1) && stage.holds(0, run: 2))
    stage.pass(.seconds(30))
    stage.end(0, lasting: .seconds(30))
    #expect(!stage.holds(0, run: 1) && stage.holds(1, run: 2))
    stage.pass(.seconds(31))
    stage.end(0, run: 2, lasting: .seconds(61))
    #expect(!stage.holds(2, run: 2), "the agent is reserved")
    stage.end(1, run: 2, lasting: .seconds(31))
    #expect(stage.holds(0, run: 1))
    stage.end(0, run: 1, lasting: .seconds(1))
    #expect(stage.holds(2, run: 2) && stage.holds(3, run: 2))
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `a task that is overtaken while no agent can be reserved for it wakes nobody in vain`() {
    var stage = Stage()
    let agent = stage.agent("a", cores: 2)
    stage.submit(0, [.of(1, cores: 1)])
    stage.submit(1, [.of(1, cores: 2)])
    stage.submit(2, [.of(1, cores: 1)])
    stage.end(0, run: 2, lasting: .seconds(1))
    stage.disconnect(agent)
    stage.pass(.seconds(61))
    #expect(stage.scheduler.nextDeadline.map { $0 > stage.now } ?? true)
    stage.agent("b", cores: 2)
    #expect(stage.holds(0, run: 1))
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `what an agent did not get is sent again with the same fence`() {
    var stage = Stage()
    let agent = stage.agent("a")
    stage.submit(0, [.of(1)])
    let fence = stage.held[agent]![0].fence
    stage.held[agent] = []
    stage.disconnect(agent)
    stage.agent("a")
    #expect(stage.held[agent]!.map(\.fence) == [fence])
  }

  @Test func `an agent started anew loses what ran, and what never started leaves no trace`() {
    var stage = Stage()
    let agent = stage.agent("a", cores: 2)
    stage.submit(0, [.of(2)])
    stage.start(0)
    stage.disconnect(agent)
    stage.held[agent] = []
    stage.agent("a", cores: 2, start: 2)
    let numbers = stage.held[agent]!.map { ($0.key.task.value, $0.number.value) }.sorted { $0 < $1 }
    #expect(numbers.map(\.0) == [0, 1] && numbers.map(\.1) == [2, 1])
    #expect(stage.records.values.filter { $0.state == .lost }.count == 1)
    #expect(stage.scheduler.brokenInvariant() == nil)
  }

  @Test func `results that an agent kept through its own restart are taken, not lost`() {
    var stage = Stage()
    let agent = stage.agent("a")
    stage.submit(0, [.of(1)])
    stage.start(0)
    let fence = stage.held[agent]![0].fence
    stage.disconnect(agent)
    stage.held[agent] = []
    let time = WallTime(nanoseconds: stage.wall)
    stage.agent(
      "a", start: 2,
      lists: [ToCoordinator.Held(fence: fence, phase: .ended(AttemptResult(rc: 0, start: time, stop: time)))])
    #expect(stage.state(ofRun: 0) == .completed && stage.acknowledged.contains(fence))
  }

  @Test func `a silent agent is suspect, then lost, and its attempts run elsewhere`() {
    var stage = Stage()
    let first = stage.agent("first")
    stage.submit(0, [.of(1)])
    stage.start(0)
    stage.disconnect(first)
    #expect(stage.scheduler.agent(named: "first")?.state == .suspect)
    let second = stage.agent("second")
    stage.pass(.seconds(329))
    #expect(stage.held[second, default: []].isEmpty)
    stage.pass(.seconds(2))
    #expect(stage.scheduler.agent(named: "first")?.state == .lost)
    #expect(stage.held[second, default: []].map(\.number) == [AttemptNumber(2)])
  }

  @Test func `after the coordinator stood still nobody is lost before a full lease has passed`() {
    var stage = Stage()
    let first = stage.agent("first")
    stage.submit(0, [.of(2)])
    stage.start(0)
    stage.now = stage.now + .seconds(400)
    stage.say(.stoodStill)
    stage.say(.clockTicked)
    #expect(stage.scheduler.agent(named: "first")?.state == .suspect)
    stage.end(0)
    #expect(stage.state(0) == .completed && stage.records.values.filter { $0.state == .lost }.isEmpty)
    stage.disconnect(first)
    stage.pass(.seconds(329))
    #expect(stage.scheduler.agent(named: "first")?.state == .suspect)
    stage.pass(.seconds(2))
    #expect(stage.scheduler.agent(named: "first")?.state == .lost)
  }

  @Test func `what an agent hands back does not come back to it at once`() {
    var stage = Stage()
    let leaving = stage.agent("leaving", cores: 2)
    stage.submit(0, [.of(2)])
    stage.start(0)
    stage.start(1)
    let fences = stage.held[leaving]!.map(\.fence)
    stage.held[leaving] = []
    let session = stage.sessions[leaving]!
    stage.say(.attemptHandedBack(leaving, session, fences[0], nil))
    #expect(stage.state(0) == .queued && stage.held[leaving] == [])
    let other = stage.agent("other")
    #expect(stage.held[other]?.map(\.key.task) == [TaskIndex(0)], "another agent takes it")
    stage.say(.attemptHandedBack(leaving, session, fences[1], nil))
    stage.say(.agentHeard(leaving, session))
    #expect(stage.held[leaving] == [])
    stage.pass(.seconds(1))
    #expect(stage.held[leaving]?.map(\.key.task) == [TaskIndex(1)], "its heartbeat says that it stays")
  }

  @Test func `a second agent of a name is refused until the first is lost`() {
    var stage = Stage()
    let first = stage.agent("twin", directory: "one")
    stage.agent("twin", directory: "two")
    #expect(stage.refusals.count == 1 && stage.scheduler.agents.count == 1)
    stage.disconnect(first)
    stage.pass(.seconds(331))
    stage.agent("twin", directory: "two")
    #expect(stage.refusals.count == 1 && stage.scheduler.agent(named: "twin")?.state == .active)
  }

  @Test func `a task lost too often is ERRORED and says so`() {
    var stage = Stage()
    stage.submit(0, [.of(1, retries: 3)])
    for start in 1...3 {
      let agent = stage.agent("a", start: Int64(start))
      stage.start(0)
      stage.disconnect(agent)
      stage.held[agent] = []
    }
    stage.agent("a", start: 4)
    #expect(stage.state(0) == .errored)
    #expect(stage.records.values.contains { $0.words.contains("deaths of 3 agent processes") })
  }

  @Test func `a clock that is behind does not let a child start before its parent stopped`() {
    var stage = Stage()
    stage.agent("a")
    stage.submit(0, [.of(1), .of(1)], [.from(0, to: 1)])
    stage.end(0, lasting: .seconds(10))
    let parentStop = stage.records.values.first { $0.key.task == TaskIndex(0) }!.stop
    stage.wall -= 3_600_000_000_000
    stage.end(1, lasting: .seconds(2))
    let child = stage.records.values.first { $0.key.task == TaskIndex(1) }!
    #expect(child.start >= parentStop)
    #expect(child.stop.nanoseconds - child.start.nanoseconds == 2_000_000_000)
  }

  @Test func `a generator's tasks run after it and before its children`() {
    var stage = Stage()
    stage.agent("a", cores: 4)
    stage.submit(0, [.of(1, generator: true), .of(1)], [.from(0, to: 1)])
    stage.end(0)
    #expect(stage.state(0) == .running && !stage.holds(1))
    let (key, fence) = stage.expansions[0]
    let graph = PlanGraph(families: [.of(2)], edges: [.from(0, to: 2), .from(2, to: 1)])
    stage.say(
      .generatorExpanded(
        key.run, key.task, fence,
        .added(firstFamily: FamilyIndex(2), firstTask: TaskIndex(2), graph, moved: [])))
    #expect(stage.state(0) == .completed && stage.holds(2) && stage.holds(3) && !stage.holds(1))
    stage.end(2)
    stage.end(3)
    stage.end(1)
    #expect(stage.state(ofRun: 0) == .completed)
    stage.command(.queueTask(RunID(0), TaskIndex(0), downstream: false))
    #expect(stage.scheduler.brokenInvariant() == nil)
    #expect(stage.holds(0))
  }

  @Test func `a generator whose output does not hold fails like any other`() {
    var stage = Stage()
    stage.agent("a")
    stage.submit(0, [.of(1, generator: true)])
    stage.end(0)
    let (key, fence) = stage.expansions[0]
    stage.say(.generatorExpanded(key.run, key.task, fence, .refused("what it printed is no object")))
    #expect(stage.state(0) == .errored && stage.state(ofRun: 0) == .errored)
    #expect(
      stage.records[fence]?.words == "what it printed is no object" && stage.records[fence]?.state == .failed)
  }
}
