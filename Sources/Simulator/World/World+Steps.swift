import Protocol
import Scheduling

// The steps of a history, as far as they apply to the world as it is.
extension World {
  /// Runs that people submit, at most.
  private static let mostRuns = 5

  /// False: it does not apply.
  mutating func step(_ step: Step) -> Bool {
    if isLogging { note("step \(step.kind)") }
    var random = SeededRandom(seed, 0x57E8, UInt64(step.seed))
    switch step.kind {
    case .submit:
      if people.requests.count(where: { $0.command == nil }) >= Self.mostRuns { return false }
      ask(nil, seed: step.seed)
    case .killRun, .killTask, .pauseRun, .queueRun, .restartRun, .queueTask, .queueTaskAndBelow:
      return stepOfPeople(step, &random)
    case .crashCoordinator, .stopCoordinator, .freezeCoordinator, .slowDisk, .coordinatorWallJump:
      return stepOfCoordinator(step.kind, &random)
    case .crashAgent, .stopAgent, .freezeAgent, .crashHost, .agentWallJump, .wipeAgent, .unfitAgent,
      .replaceProgram,
      .cutBothWays, .cutToCoordinator, .cutToAgent, .flappingLink, .lossyLink, .breakConnection:
      stepOfAgent(step.kind, random.below(agents.count), &random)
    }
    return true
  }

  private mutating func stepOfPeople(_ step: Step, _ random: inout SeededRandom) -> Bool {
    if oracle.runCount == 0 { return false }
    let r = random.below(oracle.runCount)
    let run = RunID(Int64(r))
    let task = TaskIndex(random.below(oracle.runs[r].tasks.count))
    let isOfTask = step.kind == .killTask || step.kind == .queueTask || step.kind == .queueTaskAndBelow
    // The routes answer 404 for what was dropped.
    if isOfTask, oracle.isDropped(Int(task.value), inRun: r) { return false }
    switch step.kind {
    case .killRun: ask(.kill(run), seed: step.seed)
    case .killTask: ask(.killTask(run, task), seed: step.seed)
    case .pauseRun: ask(.pause(run), seed: step.seed)
    case .queueRun: ask(.queue(run), seed: step.seed)
    case .restartRun:
      // Soon enough to meet what the kill left.
      ask(.kill(run), seed: step.seed)
      ask(.queue(run), seed: step.seed, after: random.below(2 * TrueTime.second))
    case .queueTask: ask(.queueTask(run, task, downstream: false), seed: step.seed)
    default: ask(.queueTask(run, task, downstream: true), seed: step.seed)
    }
    return true
  }

  private mutating func stepOfCoordinator(_ kind: Step.Kind, _ random: inout SeededRandom) -> Bool {
    if coordinator.life == .down { return false }
    let downtime = downtime(&random)
    switch kind {
    case .crashCoordinator:
      coordinator.crashDowntime = downtime
      switch random.below(10) {
      case 0: crashCoordinatorHost(downtime: downtime)
      case 1: crashCoordinator(downtime: downtime)
      case 2: coordinator.crashPoint = .beforeCommit
      case 3, 4: coordinator.crashPoint = .inCommit(isKept: false)
      case 5, 6: coordinator.crashPoint = .inCommit(isKept: true)
      default: coordinator.crashPoint = .telling(random.below(4))
      }
    case .stopCoordinator: stopCoordinator(downtime: downtime)
    case .freezeCoordinator: freezeCoordinator(period: period(&random))
    case .slowDisk: coordinator.isSlowUntil = now + random.from(1, to: 5) * TrueTime.second
    default: coordinator.clock.jumpWall(by: random.from(-3_600, to: 3_600) * TrueTime.second)
    }
    return true
  }

  private mutating func stepOfAgent(_ kind: Step.Kind, _ a: Int, _ random: inout SeededRandom) {
    switch kind {
    case .crashAgent:
      agents[a].crashDowntime = downtime(&random)
      switch random.below(8) {
      case 0...3: crashAgent(a, downtime: agents[a].crashDowntime)
      case 4: agents[a].crashPoint = .beforeSpool
      case 5: agents[a].crashPoint = .beforeFork
      case 6: agents[a].crashPoint = .afterFork
      default: agents[a].crashPoint = .beforeSpeaking
      }
    case .stopAgent:
      stopAgent(a, downtime: downtime(&random))
      if random.chance(percent: 40) { agents[a].nextCapacity = tempo.capacity(isFirst: a == 0, &random) }
    case .freezeAgent:
      let period = period(&random)
      if random.chance(percent: 40) {
        agents[a].freezePoint = period
      } else {
        freezeAgent(a, period: period)
      }
    case .crashHost: crashHost(a, downtime: downtime(&random))
    case .agentWallJump: agents[a].clock.jumpWall(by: random.from(-3_600, to: 3_600) * TrueTime.second)
    case .wipeAgent:
      crashAgent(a, downtime: downtime(&random))
      wipe(a)
    case .unfitAgent: setUnfit(a, !agents[a].isUnfit)
    case .replaceProgram: replaceProgram(a)
    case .cutBothWays: cut(a, up: true, down: true, period: period(&random))
    case .cutToCoordinator: cut(a, up: true, down: false, period: period(&random))
    case .cutToAgent: cut(a, up: false, down: true, period: period(&random))
    case .flappingLink:
      // One way, then the other for longer: what was held up arrives late, and cannot be answered.
      let lease = tempo.settings.lease.nanoseconds
      cut(a, up: false, down: true, period: random.from(lease * 3 / 10, to: lease / 2))
      agenda.enter(.linkFlaps, a, at: now + tempo.heartbeat.nanoseconds + random.below(lease / 10))
    case .lossyLink: network.links[a].isLossyUntil = now + random.from(1, to: 10) * TrueTime.second
    case .breakConnection:
      let ends = 1 + random.below(3)
      breakConnection(a, atAgent: ends & 1 != 0, atCoordinator: ends & 2 != 0)
    default: preconditionFailure("\(kind) is nothing that is done to an agent")
    }
  }

  /// Mostly what a service manager waits; at times more than a lease.
  private func downtime(_ random: inout SeededRandom) -> Int64 {
    switch random.below(10) {
    case 0...5: random.from(10 * TrueTime.millisecond, to: TrueTime.second)
    case 6...8: random.from(TrueTime.second, to: 8 * TrueTime.second)
    default: random.from(0, to: 2 * tempo.settings.lease.nanoseconds)
    }
  }

  /// Of a cut or a stop: short, about a lease, or longer than one.
  private func period(_ random: inout SeededRandom) -> Int64 {
    let lease = tempo.settings.lease.nanoseconds
    return switch random.below(10) {
    case 0...2: random.from(10 * TrueTime.millisecond, to: 3 * TrueTime.second)
    case 3...5: random.from(lease / 2, to: lease)
    case 6...8: random.from(lease * 8 / 10, to: lease * 12 / 10)
    default: random.from(lease, to: lease * 2)
    }
  }
}
