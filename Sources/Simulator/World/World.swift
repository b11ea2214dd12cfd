import Protocol
import Scheduling

/// One simulated world: a coordinator, some agents' hosts, the network between them and people, under a clock
/// that is nobody's. The Scheduler and the AttemptTrackers in it are the real ones; around them stands what
/// their programs do, in the same order.
///
/// A value whose parts lie in place and are used again from one history to the next: a history is some hundred
/// events, each of them well under a microsecond. (A world of objects that call each other would be nearer to the
/// programs' form, and several times slower.)
///
/// What its time goes into is the moving of values, so: it and what is large in it cannot be copied; what passes
/// through is taken out and handed on; and short questions are inlined, since a call on a part of it would be given
/// a copy of that part.
public struct World: ~Copyable {
  /// How thoroughly it looks for what is wrong; the oracle's own checks go on with every event anyway.
  public enum Check: Sendable {
    /// Everything recomputed at each commit, crash and end.
    case kept
    /// And after every event.
    case full
  }

  public struct Outcome: Sendable {
    public var events = 0
    /// Of them, those that only time or heartbeats made.
    public var timers = 0
    /// nil: all promises held.
    public var violation: String?
    /// In words; only where it was asked for.
    public var log: [String] = []
  }

  /// What the liveness phase may take until every run has ended.
  private static let patience = 2_000 * TrueTime.second
  /// Events of one history beyond which it is taken for endless.
  private static let mostEvents = 50_000

  let check: Check
  let isLogging: Bool
  private let printed: (@Sendable (String) -> Void)?
  private var log: [String] = []

  var seed: UInt64 = 0
  var now: Int64 = 0
  var agenda = Agenda()
  var tempo: Tempo
  var steps: [Step] = []
  private var isHealed = false
  private var healedAt: Int64 = 0
  var hasOnlyHeartbeats = false

  var network = Network()
  var coordinator = CoordinatorHost()
  static let mostAgents = 3
  var agents = Kept<AgentHost>(capacity: mostAgents)
  var people = People()
  var peopleRandom = SeededRandom(0)
  var oracle = Oracle()

  // Kept for what passes through them.
  var takenPieces: [LogDisk.Piece] = []
  var takenAfter: [ToCoordinator] = []
  var attemptEffects: [AttemptEffect] = []
  var restored: [(fence: Fence, result: AttemptResult)] = []
  var signalCause = SignalCause.none

  /// `printed`: takes each line of the log at once, rather than the outcome.
  public init(check: Check = .kept, isLogging: Bool = false, printed: (@Sendable (String) -> Void)? = nil) {
    self.check = check
    self.isLogging = isLogging || printed != nil
    self.printed = printed
    var random = SeededRandom(0)
    tempo = Tempo(&random)
  }

  mutating func note(_ words: String) {
    let milliseconds = now / TrueTime.millisecond
    let rest = String(now / TrueTime.microsecond % 1000)
    let line = "\(milliseconds).\(String(repeating: "0", count: 3 - rest.count))\(rest) ms  \(words)"
    if let printed { printed(line) } else { log.append(line) }
  }

  // MARK: A history

  public mutating func run(_ history: History) -> Outcome {
    begin(history)
    var outcome = Outcome()
    while oracle.violation == nil, let entry = agenda.removeFirst() {
      now = entry.time
      oracle.now = now
      hasOnlyHeartbeats = false
      guard happen(entry) else { continue }
      outcome.events += 1
      if hasOnlyHeartbeats || entry.kind.isTimer { outcome.timers += 1 }
      if check == .full { recheckAll() }
      if isHealed {
        if oracle.openRuns == 0 { break }
        if now > healedAt + Self.patience || outcome.events > Self.mostEvents { break }
      }
    }
    end()
    outcome.violation = oracle.violation
    if isLogging, let violation = oracle.violation { note("VIOLATION: \(violation)") }
    swap(&outcome.log, &log)
    return outcome
  }

  private mutating func begin(_ history: History) {
    seed = history.seed
    now = 0
    log = []
    steps = history.steps
    agenda.removeAll()
    isHealed = false
    var random = SeededRandom(seed, 0x7E3B0)
    tempo = Tempo(&random)
    peopleRandom = SeededRandom(seed, 0x9E0)
    people.reset()
    let count = 1 + random.below(Self.mostAgents)
    oracle.reset(agents: count, settings: tempo.settings)
    network.reset(seed: seed, agents: count, latency: tempo.latency)
    coordinator.reset(seed: seed)
    agents.use(count) { AgentHost() }
    for a in 0..<count {
      agents[a].reset(
        name: Names.agent(a), seed: seed, number: a,
        capacity: tempo.capacity(isFirst: a == 0, &random))
      agenda.enter(.agentStarts, a, at: random.below(TrueTime.second), generation: 0)
    }
    coordinator.lifeNumber = 0
    for a in agents.indices { agents[a].lifeNumber = 0 }
    agenda.enter(.coordinatorStarts, 0, at: 0, generation: 0)
    var last: Int64 = 0
    for (number, step) in steps.enumerated() {
      let time = step.microseconds * TrueTime.microsecond
      agenda.enter(.step, number, at: time)
      last = max(last, time)
    }
    agenda.enter(.heal, 0, at: last + random.below(5 * TrueTime.second))
  }

  /// What is over when nothing is left to happen.
  private mutating func end() {
    if oracle.violation != nil { return }
    if oracle.openRuns > 0 {
      return oracle.violate("\(oracle.openRuns) runs have not ended long after all was healed")
    }
    recheckAll()
  }

  /// Everything that can be recomputed.
  mutating func recheckAll() {
    if oracle.violation != nil { return }
    recheck()
    // While a commit is under way memory is ahead of the disk.
    for r in 0..<oracle.runCount { oracle.recount(r, coordinator.state, at: coordinator.batch.handled) }
  }

  mutating func recheck() {
    if let wrong = coordinator.scheduler.brokenInvariant() { oracle.violate("the Scheduler: \(wrong)") }
  }

  // MARK: Events

  private mutating func happen(_ entry: Agenda.Entry) -> Bool {
    let subject = Int(entry.subject)
    switch entry.kind {
    case .step: return step(steps[subject])
    case .heal: heal()
    case .paused: resumePaused()
    case .arrivesAtCoordinator: return arrivesAtCoordinator(subject)
    case .arrivesAtAgent: return arrivesAtAgent(subject)
    case .killAudit: return auditKills(subject)
    case .linkFlaps:
      if isHealed { return false }
      cut(subject, up: true, down: false, period: tempo.settings.lease.nanoseconds * 3 / 2)
    case .linkHeals:
      wakeHeld(subject)
      return false
    case .requestArrives, .committed, .logsCommitted, .expanded, .engineDue, .engineRested,
      .coordinatorStarts, .coordinatorContinues:
      return coordinatorEvent(entry)
    case .answerArrives: answerArrives(subject)
    case .processPrints: return processPrints(subject, entry.generation)
    case .processEnds: return processEnds(subject, entry.generation)
    case .dialAnswered, .dialAgain, .helloAnswerDue, .helloDue, .farewellDue, .agentTimer, .agentSpeaks,
      .agentStarts, .agentIsSwept, .agentContinues, .linkGuards, .overlapAudit:
      return agentEvent(entry, subject)
    }
    return true
  }

  private mutating func coordinatorEvent(_ entry: Agenda.Entry) -> Bool {
    if entry.kind != .requestArrives, entry.generation != coordinator.lifeNumber { return false }
    if coordinator.life != .down, now < coordinator.frozenUntil {
      agenda.enter(entry.kind, Int(entry.subject), at: coordinator.frozenUntil, generation: entry.generation)
      if entry.kind == .engineDue { coordinator.dueAt = coordinator.frozenUntil }
      return false
    }
    switch entry.kind {
    case .requestArrives: return requestArrives(Int(entry.subject))
    case .committed: committed()
    case .logsCommitted: logsCommitted()
    case .expanded: post(.expanded(question: Int(entry.subject)))
    case .engineDue: return engineDue()
    case .engineRested: engineRested()
    case .coordinatorStarts: coordinatorStarts()
    case .coordinatorContinues:
      if coordinator.frozenUntil != now { return false }
      coordinatorContinues()
    default: preconditionFailure("\(entry.kind) is none of the coordinator's")
    }
    return true
  }

  private mutating func agentEvent(_ entry: Agenda.Entry, _ a: Int) -> Bool {
    switch entry.kind {
    case .dialAnswered, .helloAnswerDue: if agents[a].life != .serving { return false }
    default: if entry.generation != agents[a].lifeNumber { return false }
    }
    if isFrozen(a), entry.kind != .overlapAudit, entry.kind != .linkGuards {
      agenda.enter(entry.kind, a, at: agents[a].frozenUntil, generation: entry.generation)
      if entry.kind == .agentTimer {
        agents[a].timerAt = agents[a].frozenUntil
        agents[a].timerDue = nil
      }
      return false
    }
    switch entry.kind {
    case .dialAnswered: return dialAnswered(a, entry.generation)
    case .helloAnswerDue: return helloAnswerDue(a, entry.generation)
    case .dialAgain:
      if agents[a].link != .waiting { return false }
      dial(a)
    case .farewellDue:
      if agents[a].link == .leaving {
        leaveForGood(a)
      } else {
        sayGoodbye(a, isLate: true)
      }
    case .agentTimer: return agentTimer(a)
    case .agentSpeaks:
      agents[a].hasWordsDue = false
      endOfTurn(a)
    case .agentStarts: agentStarts(a)
    case .agentIsSwept: agentIsSwept(a)
    case .agentContinues:
      // All was healed before.
      if agents[a].frozenUntil != now { return false }
      agentContinues(a)
    case .linkGuards: return linkGuards(a)
    case .overlapAudit: auditOverlap(a)
    default: preconditionFailure("\(entry.kind) is none of an agent's")
    }
    return true
  }

  // MARK: Healing

  /// No more faults: now every run has to end.
  private mutating func heal() {
    if isLogging { note("all is healed") }
    isHealed = true
    healedAt = now
    for a in agents.indices {
      network.links[a] = Network.Link(random: network.links[a].random)
      agents[a].crashPoint = nil
      agents[a].freezePoint = nil
      wakeHeld(a)
      if isFrozen(a) { agentContinues(a) }
      setUnfit(a, false)
    }
    coordinator.crashPoint = nil
    coordinator.isSlowUntil = 0
    if coordinator.life != .down, now < coordinator.frozenUntil { coordinatorContinues() }
    resumePaused()
  }

  /// People resume what they paused, again and again, since an earlier command may still be under way.
  private mutating func resumePaused() {
    for run in coordinator.state.runs.indices where coordinator.state.runs[run].state == .paused {
      ask(.queue(RunID(Int64(run))), seed: 0)
    }
    agenda.enter(.paused, 0, at: now + 3 * TrueTime.second)
  }
}

extension Agenda.Kind {
  var isTimer: Bool {
    switch self {
    case .agentTimer, .engineDue, .engineRested, .agentSpeaks, .paused, .overlapAudit, .killAudit, .dialAgain,
      .linkGuards, .helloAnswerDue, .helloDue, .farewellDue, .linkHeals:
      true
    default: false
    }
  }
}
