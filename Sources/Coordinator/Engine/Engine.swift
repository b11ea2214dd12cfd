import Glibc
import Protocol
import Scheduling
import System

/// The one driver around the Scheduler: drains its inbox, handles the batch, commits it in one transaction,
/// and only then tells anybody. Under load batches grow by themselves, so a full sync per batch costs little.
///
/// A thread that blocks on its inbox and on the disk, not an actor: nothing may come between taking a batch
/// and its commit, and a hop costs 50 ns.
///
/// `@unchecked Sendable`: `inbox` is a Monitor; all else belongs to the Engine's thread once `run` has begun.
final class Engine: @unchecked Sendable {
  /// Between commits while work waits at agents: a slot does not wait for the commit then, and a larger
  /// batch costs less a task.
  private static let pace = Period.milliseconds(8)
  /// So much later than wanted it wakes only where this process did not run.
  private static let stillLimit = Period.seconds(1)

  /// What the Scheduler does not need of a run.
  struct RunInfo {
    var layout: RunLayout
    var tag: String
    var labels: String
    var submitted: WallTime
    /// The last time that an earlier start wrote down: its clock may have been ahead of today's.
    var notBefore: WallTime
  }

  /// What the Scheduler does not need of an agent.
  struct AgentInfo {
    var labels: [String: String]
    var software: String
    var lastSeen: WallTime
  }

  struct SessionInfo {
    var session: AgentSession
    var hello: ToCoordinator.Hello
    /// nil: not welcome yet.
    var agent: AgentID?
  }

  let inbox = Monitor(EngineInbox())
  let store: any Store
  let settings: EngineSettings
  let onFailure: @Sendable (StoreFault) -> Never

  var scheduler: Scheduler
  private var nextRun: RunID
  private var nextCommand: Int64 = 0
  var runs: [RunID: RunInfo] = [:]
  var agents: [AgentID: AgentInfo] = [:]
  var sessions: [SessionID: SessionInfo] = [:]
  private var answers: [CommandID: @Sendable (Result<Void, Refusal>) -> Void] = [:]
  private var submissions: [(RunID, @Sendable (Result<RunID, Refusal>) -> Void)] = []

  var batch = Batch()
  private var expansion: Expansion?
  /// What came while the disk took nothing, and is taken next.
  var deferred: [EngineInput] = []
  /// What is expanded once there is room for it.
  private var unasked: [Expansion.Question] = []
  /// What readers take, where it is what the database has by now.
  let layouts: LayoutCache
  let disk: DiskWatch
  /// Of the batch under way; its storage is used again and again.
  private var effects: [Effect] = []
  private var lastCommit = Instant(nanoseconds: 0)
  private var lastWall = WallTime.none

  /// `state` is what the store found at its opening. `onFailure` ends the process: what was handled since the
  /// last commit must not become known.
  init(
    store: any Store, state: StoredState, logs: AttemptLogs, layouts: LayoutCache, disk: DiskWatch,
    settings: EngineSettings, onFailure: @escaping @Sendable (StoreFault) -> Never
  ) {
    self.store = store
    self.settings = settings
    self.disk = disk
    self.layouts = layouts
    self.onFailure = onFailure
    nextRun = state.nextRun
    scheduler = Scheduler(epoch: state.epoch, settings: settings.scheduler)
    expansion = Expansion(logs: logs, limits: settings.expansion) { [weak self] in self?.post(.expanded($0)) }
    restore(state)
  }

  // MARK: From any thread

  func post(_ input: EngineInput) { inbox.change { $0.append(input) } }

  // MARK: The loop

  /// Runs until `stop`; on a thread of its own.
  func run() {
    perform(handle([]))
    while true {
      let (inputs, isStopping) = wait()
      perform(handle(inputs))
      if isStopping && inputs.isEmpty { break }
      rest()
    }
    for session in sessions.values { session.session.close("the coordinator stops") }
  }

  /// What was accepted before is answered and committed; then `run` ends.
  func stop() {
    inbox.signal { $0.isStopping = true }
    expansion?.stop()
  }

  private func wait() -> ([EngineInput], Bool) {
    if !deferred.isEmpty {
      defer { deferred = [] }
      return (deferred, false)
    }
    let timeout = scheduler.nextDeadline.map { $0 - .now() }
    return inbox.wait(
      upTo: timeout, until: { !$0.inputs.isEmpty || $0.isStopping },
      { ($0.take(), $0.isStopping) })
  }

  /// Between batches: the log is moved into the database when it is long. While work waits beside slots
  /// nobody is kept by a commit that comes a little later; once all of it has started, somebody is.
  private func rest() {
    attempt { () throws(StoreFault) in try store.tidy() }
    guard scheduler.waitingCount > 0 else { return }
    let left = lastCommit + Self.pace - .now()
    if left <= .zero { return }
    inbox.with { $0.startsAwaited = scheduler.waitingCount }
    inbox.wait(upTo: left, until: \.isRestOver) { $0.startsAwaited = nil }
  }

  /// Handles a batch and commits it; answers what is to be told.
  private func handle(_ inputs: [EngineInput]) -> [Effect] {
    batch.begin(at: wallNow())
    let now = Instant.now()
    // What agents said meanwhile is still in their sockets.
    if let deadline = scheduler.nextDeadline, now > deadline + Self.stillLimit {
      scheduler.handle(.stoodStill, at: now)
    }
    for input in inputs { take(input, at: now) }
    if let deadline = scheduler.nextDeadline, deadline <= now { scheduler.handle(.clockTicked, at: now) }
    scheduler.takeEffects(into: &effects)
    for effect in effects { write(effect) }
    scheduler.drainDirtyRuns { batch.add($0, runs[$0.id]!) }
    if !batch.commit.isEmpty {
      commit()
      lastCommit = .now()
    }
    return effects
  }

  private func perform(_ effects: [Effect]) {
    var touched: [SessionID] = []
    for effect in effects { tell(effect, &touched) }
    if !batch.acknowledgements.isEmpty { Failpoint.endsAcknowledgeBefore.pass() }
    for (session, fences) in batch.acknowledgements {
      sessions[session]?.session.gather(.endsAcknowledged(fences))
      touched.append(session)
    }
    for (session, reply) in batch.heartbeats {
      sessions[session]?.session.gather(.heartbeatAcknowledged(reply))
      touched.append(session)
    }
    for id in touched {
      Failpoint.agentTellBefore.pass()
      sessions[id]?.session.flush()
    }
    if !touched.isEmpty { Failpoint.agentsTellAfter.pass() }
    for (id, reason) in batch.closings { sessions.removeValue(forKey: id)?.session.finish(reason) }
    for (run, reply) in submissions {
      Failpoint.submissionAnswerBefore.pass()
      reply(.success(run))
      Failpoint.submissionAnswerAfter.pass()
    }
    submissions.removeAll()
    for reply in batch.replies { reply() }
    for run in scheduler.evictFinalRuns() { runs[run] = nil }
  }

  func attempt<Result>(_ body: () throws(StoreFault) -> Result) -> Result {
    do throws(StoreFault) { return try body() } catch { onFailure(error) }
  }

  private func commit() {
    do throws(StoreFault) {
      try store.commit(batch.commit)
    } catch {
      if error.kind != .full { onFailure(error) }
      holdUntilCommitted()
    }
  }

  /// The wall clock may be set back; what is shown never goes back.
  private func wallNow() -> WallTime {
    lastWall = max(lastWall, .now())
    return lastWall
  }

  // MARK: Inputs

  private func take(_ input: EngineInput, at now: Instant) {
    switch input {
    case .submit(let plan, let reply): submit(plan, reply, at: now)
    case .command(let command, let reply): obey(command, reply, at: now)
    case .askAgents(let reply):
      let list = agentList()
      batch.replies.append { reply(list) }
    case .arrived(let session, let hello): arrived(session, hello, at: now)
    case .said(let id, let messages): heard(id, messages, at: now)
    case .closed(let id, let reason): closed(id, reason, at: now)
    case .expanded(let answer): expanded(answer, at: now)
    case .disk(let isLow): diskChanged(isLow: isLow, at: now)
    }
  }

  private func diskChanged(isLow: Bool, at now: Instant) {
    scheduler.setHeld(isLow, at: now)
    if isLow { return }
    for question in unasked { expansion?.ask(question) }
    unasked = []
  }

  private func submit(
    _ plan: RunPlan, _ reply: @escaping @Sendable (Result<RunID, Refusal>) -> Void, at now: Instant
  ) {
    if let refusal = disk.refusal(forDocument: plan.document.count) {
      batch.replies.append { reply(.failure(refusal)) }
      return
    }
    let id = nextRun
    nextRun = RunID(id.value + 1)
    let layout = RunLayout(main: plan)
    runs[id] = RunInfo(
      layout: layout, tag: plan.tag, labels: plan.labelsJSON, submitted: batch.wall, notBefore: batch.wall)
    layouts.put(layout, for: id)
    batch.commit.runsAdded.append(RunAdded(run: id, document: plan.document))
    scheduler.handle(.submitted(id, plan.graph), at: now)
    submissions.append((id, reply))
  }

  private func obey(
    _ command: RunCommand, _ reply: @escaping @Sendable (Result<Void, Refusal>) -> Void, at now: Instant
  ) {
    if !scheduler.knows(command.run),
      let stored = attempt({ () throws(StoreFault) in try store.load(run: command.run) })
    {
      load(stored, at: now)
    }
    nextCommand += 1
    answers[CommandID(nextCommand)] = reply
    scheduler.handle(.commanded(CommandID(nextCommand), command), at: now)
  }

  // MARK: Telling

  /// After the commit.
  private func tell(_ effect: Effect, _ touched: inout [SessionID]) {
    @discardableResult
    func say(_ session: SessionID, _ message: ToAgent) -> FrameFault? {
      guard let info = sessions[session] else { return nil }
      if touched.last != session && !touched.contains(session) { touched.append(session) }
      return info.session.gather(message)
    }
    switch effect {
    case .attemptInserted, .attemptUpdated, .attemptDeleted, .historyChanged, .runStateChanged, .agentChanged,
      .partsDropped:
      break
    case .start(_, let session, let key, let number, let fence):
      guard let layout = runs[key.run]?.layout else { return }
      let start = ToAgent.Start(
        fence: fence, run: key.run, task: layout.taskName(key.task), number: number,
        job: layout.job(key.task),
        lease: layout.lease(key.task))
      Failpoint.startSendBefore.pass()
      if let fault = say(session, .start(start)) { fail(fence, session, unsendable: fault) }
    case .revoke(_, let session, let fence):
      Failpoint.revokeSendBefore.pass()
      say(session, .revoke(fence))
    case .kill(_, let session, let fence, let reason):
      Failpoint.killSendBefore.pass()
      say(session, .kill(fence, graceSeconds: nil, reason: reason))
    case .acknowledgeEnd(_, let session, let fence): batch.acknowledge(fence, to: session)
    case .welcome(let agent, let session):
      Failpoint.welcomeSendBefore.pass()
      sessions[session]?.agent = agent
      sessions[session]?.session.welcome()
      touched.append(session)
    case .refuse(let session, let code, let words):
      sessions.removeValue(forKey: session)?.session.refuse(code, words, retryable: true)
    case .closeSession(let session, let reason):
      // Of this batch only acknowledgements of what it said last still go to it.
      sessions[session]?.session.discard()
      batch.closings.append((session, reason))
    case .answer(let id, let refusal):
      Failpoint.commandAnswerBefore.pass()
      let reply = answers.removeValue(forKey: id)
      if let refusal { reply?(.failure(refusal)) } else { reply?(.success(())) }
    case .expand(let key, _, let fence):
      guard let layout = runs[key.run]?.layout else { return }
      Failpoint.generatorAskBefore.pass()
      ask(Expansion.Question(key: key, fence: fence, layout: layout))
    }
  }

  /// What a generator printed is stored once more as a document: that has to wait for room.
  func ask(_ question: Expansion.Question) {
    if scheduler.isHeld {
      unasked.append(question)
    } else {
      expansion?.ask(question)
    }
  }

  /// A job that no frame holds (its text is within the bounds, its JSON is not) fails as one that cannot be
  /// executed; the agent never hears of it.
  private func fail(_ fence: Fence, _ session: SessionID, unsendable fault: FrameFault) {
    let now = WallTime.now()
    let result = AttemptResult(
      kind: .notExecuted, rc: 126, start: now, stop: now,
      words: "the job cannot be sent to an agent: \(fault.message); hand large data on in a file")
    post(.said(session, [.ended(fence, result)]))
  }
}

/// Bounds that a user may set.
struct EngineSettings: Sendable {
  var scheduler = SchedulerSettings()
  var expansion = ExpansionLimits()
}
