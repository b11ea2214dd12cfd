import Protocol
import Scheduling

/// A run taken through the Scheduler in turns, as the Engine takes it: what agents say goes in, then effects and changed
/// runs are looked at once. Its agents start and end at once whatever they are given.
struct SchedulerLoop {
  private struct Agents {
    var count: Int32
    var cores: Int64
    static let few = Agents(count: 4, cores: 8)
    /// So that what looks at each agent for each event is seen.
    static let many = Agents(count: 200, cores: 1)
  }

  private static let layerTasks = 100
  /// Short enough for work to wait beside slots.
  private static let taskTime = Period.milliseconds(5)

  private var scheduler = Scheduler(epoch: Epoch(1))
  private var now = Instant(nanoseconds: 1_000_000_000)
  /// What each agent was sent since it last spoke.
  private var sent: [[Fence]] = []
  private var effects: [Effect] = []
  private var completed = 0
  private var written = 0
  private var isOver = false

  /// Answers with the tasks that ended.
  static func family(_ count: Int) -> Int {
    run(PlanGraph(families: [tasks(count)], edges: []), by: .few)
  }

  static func crowd(_ count: Int) -> Int {
    run(PlanGraph(families: [tasks(count)], edges: []), by: .many)
  }

  static func layers(_ count: Int) -> Int {
    let layers = (count + layerTasks - 1) / layerTasks
    let edges = (1..<max(1, layers)).map {
      Edge(
        parent: Endpoint(family: FamilyIndex($0 - 1)), child: Endpoint(family: FamilyIndex($0)))
    }
    return run(
      PlanGraph(families: Array(repeating: tasks(layerTasks), count: layers), edges: edges), by: .few)
  }

  private static func tasks(_ count: Int) -> Family {
    Family(
      count: Int32(count), isExpanded: true, isGenerator: false, maxRetries: 0, retryIntervalSeconds: 0,
      needs: Job.defaultNeeds)
  }

  private static func run(_ graph: PlanGraph, by agents: Agents) -> Int {
    var loop = SchedulerLoop()
    for number in 0..<agents.count { loop.join(number, cores: agents.cores) }
    loop.scheduler.handle(.submitted(RunID(0), graph), at: loop.now)
    loop.endTurn()
    while !loop.isOver {
      let before = loop.completed
      loop.hear()
      loop.endTurn()
      precondition(loop.completed > before, "nothing goes on")
    }
    precondition(loop.completed == graph.taskCount && loop.written > 0, "not all tasks have ended")
    return loop.completed
  }

  private mutating func join(_ number: Int32, cores: Int64) {
    sent.append([])
    let session = SessionID(Int64(number) + 1)
    let name = "agent-\(number)"
    let arrival = AgentArrival(
      session: session, name: name,
      incarnation: Incarnation(directoryID: name, bootID: "boot", startNumber: 1),
      capacity: ResourceVector(milliCores: cores * 1000, memoryMB: 1_000_000))
    scheduler.handle(.agentArrived(arrival), at: now)
    scheduler.handle(.agentListed(AgentID(number), session, [], isLast: true), at: now)
  }

  /// One frame of each agent that has something to say.
  private mutating func hear() {
    for number in sent.indices where !sent[number].isEmpty {
      let agent = AgentID(Int32(number))
      let session = SessionID(Int64(number) + 1)
      scheduler.handle(.agentHeard(agent, session), at: now)
      for fence in sent[number] {
        let start = WallTime(nanoseconds: now.nanoseconds)
        let stop = WallTime(nanoseconds: (now + Self.taskTime).nanoseconds)
        scheduler.handle(.attemptStarted(agent, session, fence, at: start), at: now)
        scheduler.handle(
          .attemptEnded(agent, session, fence, AttemptResult(rc: 0, start: start, stop: stop)), at: now)
      }
      sent[number].removeAll(keepingCapacity: true)
    }
  }

  private mutating func endTurn() {
    scheduler.takeEffects(into: &effects)
    for effect in effects {
      switch effect {
      case .start(let agent, _, _, _, let fence): sent[Int(agent.value)].append(fence)
      case .acknowledgeEnd: completed += 1
      case .runStateChanged(_, let state): isOver = state == .completed
      default: break
      }
    }
    var bytes = 0
    scheduler.drainDirtyRuns { run in
      for chunk in run.chunks { bytes += chunk.bytes.count }
    }
    written += bytes
    _ = scheduler.evictFinalRuns()
    // Too little for any deadline, however long the loop is.
    now = now + Period(nanoseconds: 1)
  }
}
