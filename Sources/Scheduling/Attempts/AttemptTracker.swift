public import Protocol

/// The state of one agent's attempts: what happens goes in, what to do comes out. No I/O, no clock, no
/// randomness; the Agent drives it with processes and a connection, the simulator with a world of its own.
///
/// Starts are taken in order of arrival and started in that order as room frees; the needs of what runs never
/// exceed the capacity. A fence is spawned at most once, and ends at most once. While there is no
/// connection nothing is lost: the list after the next welcome says it all.
///
/// (One value rather than an object an attempt: order, room and lease belong to the whole.)
public struct AttemptTracker: Sendable {
  public struct Settings: Sendable {
    public var capacity: ResourceVector
    /// Between SIGTERM and SIGKILL, where neither the job nor the kill says.
    public var killGrace = Period.seconds(10)
    /// Ends that are still known after their acknowledgement, so that a Start that comes twice is answered;
    /// the oldest go first.
    public var acknowledgedEndsKept = 1_000
    /// How long they are.
    public var acknowledgedEndsTime = Period.seconds(15 * 60)
    public init(capacity: ResourceVector) { self.capacity = capacity }
  }

  /// Shares of the lease, in percent, after which nothing new is started and what runs gets SIGTERM, and
  /// after which it gets SIGKILL whatever its grace. The coordinator gives the work to others at 110.
  static let termAtPercent: Int64 = 80
  static let killAtPercent: Int64 = 90
  /// Heartbeats that may go unanswered, and the least time, before the connection counts as dead.
  static let unansweredHeartbeats: Int64 = 3
  static let unansweredTime = Period.seconds(10)

  private let settings: Settings
  private(set) var attempts = HeldAttempts()
  private var waiting = ArrivalQueue<ToAgent.Start>()
  /// In order of their starts.
  private(set) var running: [Fence] = []
  /// Ended and not acknowledged, in order.
  private(set) var unacknowledged: [Fence] = []
  private var acknowledged = ArrivalQueue<(fence: Fence, until: Instant)>()
  private var room: ResourceVector
  var lease = LeaseClock()
  /// The shortest of what runs with a lease of its own and was not told to end for it; nil: none does.
  private var shortestOwnLease: Period?
  private var haveOwnLeasesChanged = false
  private var isLeaseTermSent = false
  private var isLeaseKillSent = false
  private var isWelcome = false
  private var isShuttingDown = false
  /// Why it takes no new work; "": it does.
  private var unfitness = ""
  private var hasLeft = false
  private var helloSent: Instant?
  private var heartbeatEvery = Period.zero
  private var nextHeartbeat: Instant?

  /// `left`: what an earlier start of this agent left behind and did not hand in.
  public init(_ settings: Settings, left: [(fence: Fence, result: AttemptResult)] = []) {
    self.settings = settings
    room = settings.capacity
    for (fence, result) in left {
      attempts[fence] = .ended(.init(result: result, isAcknowledged: false))
      unacknowledged.append(fence)
    }
  }

  /// One that an earlier program of this start began.
  mutating func takeOver(_ fence: Fence, _ state: HeldAttempt.Running) {
    room -= state.job.needs
    running.append(fence)
    attempts[fence] = .running(state)
    haveEndsChanged = true
    haveOwnLeasesChanged = true
  }

  // Kept, so that who asks between events is given them, and not a copy of all of this.

  /// When `.timer` is wanted next; nil: nothing is due.
  public private(set) var nextDeadline: Instant?
  /// When SIGKILL or a time limit of what runs is due, and whether that may be another by now.
  private var endsDue: Instant?
  private var haveEndsChanged = false

  public var runningCount: Int { running.count }
  /// Starts that wait for room.
  public private(set) var waitingCount = 0
  /// The first of them, which is started next unless it is taken back.
  public var nextStart: ToAgent.Start? { waiting.isEmpty ? nil : waiting[0] }
  /// Whether something runs, waits for room, or has ended and is still to be acknowledged.
  public var isHoldingWork: Bool { !running.isEmpty || waitingCount > 0 || !unacknowledged.isEmpty }
  /// Whether an end is still to be acknowledged.
  public var hasUnacknowledged: Bool { !unacknowledged.isEmpty }

  // Inlined, as a call would be given a copy of the tracker.
  @inline(__always)
  private func deadline() -> Instant? {
    var next: Instant?
    func consider(_ time: Instant?) {
      if let time, next.map({ time < $0 }) ?? true { next = time }
    }
    consider(nextHeartbeat)
    if isWelcome, let since = lease.unansweredSince { consider(since + unansweredLimit) }
    if !running.isEmpty {
      if !isLeaseTermSent { consider(lease.passes(percent: Self.termAtPercent)) }
      if !isLeaseKillSent { consider(lease.passes(percent: Self.killAtPercent)) }
      if let own = shortestOwnLease { consider(lease.passes(percent: Self.termAtPercent, of: own)) }
    }
    consider(endsDue)
    return next
  }

  /// When the first end that the agent brings about is due, among all that run.
  private func earliestEnd() -> Instant? {
    var earliest: Instant?
    for fence in running {
      guard case .running(let state) = attempts[fence], let due = state.due else { continue }
      earliest = min(earliest ?? due, due)
    }
    return earliest
  }

  /// Takes one event; what is to be done is added to `effects`, in order. Events that carrying them out
  /// brings about (`processStarted`, …) are handed in after all of these are carried out.
  public mutating func handle(
    _ event: consuming AttemptEvent, at now: Instant, into effects: inout [AttemptEffect]
  ) {
    switch consume event {
    case .helloSent(let time): helloSent = time
    case .welcomed(let welcome): self.welcomed(welcome, now, &effects)
    case .disconnected:
      isWelcome = false
      nextHeartbeat = nil
    case .received(let message): received(message, now, &effects)
    case .processStarted(let fence, let time): processStarted(fence, time, now, &effects)
    case .spawnFailed(let fence, let rc, let words, let time):
      spawnFailed(fence, rc, words, time, now, &effects)
    case .processEnded(let fence, let end): processEnded(fence, end, now, &effects)
    case .memoryExceeded(let fence): memoryExceeded(fence, now, &effects)
    case .outputLost(let fence, let why): outputLost(fence, why, &effects)
    case .unfit(let reason): unfit(reason, &effects)
    case .timer: timer(now, &effects)
    case .shutdown: shutdown(now, &effects)
    }
    if isShuttingDown && running.isEmpty && !hasLeft {
      hasLeft = true
      effects.append(.leave)
    }
    if haveEndsChanged {
      haveEndsChanged = false
      endsDue = earliestEnd()
    }
    if haveOwnLeasesChanged { findShortestLease(now) }
    waitingCount = waiting.count
    nextDeadline = deadline()
  }

  // MARK: The connection

  private mutating func welcomed(_ welcome: ToAgent.Welcome, _ now: Instant, _ effects: inout [AttemptEffect])
  {
    isWelcome = true
    lease.welcomed(leaseMilliseconds: welcome.leaseMilliseconds, helloSent: helloSent ?? now)
    leaseRenewed()
    heartbeatEvery = .milliseconds(max(1, welcome.heartbeatMilliseconds))
    nextHeartbeat = now + heartbeatInterval
    var list: [ToCoordinator.Held] = []
    list.reserveCapacity(waiting.count + running.count + unacknowledged.count)
    for i in waiting.indices { list.append(.init(fence: waiting[i].fence, phase: .waiting)) }
    for fence in running {
      guard case .running(let state)? = attempts[fence] else { continue }
      list.append(.init(fence: fence, phase: .running(since: state.start)))
    }
    for fence in unacknowledged {
      guard case .ended(let end)? = attempts[fence] else { continue }
      list.append(.init(fence: fence, phase: .ended(end.result)))
    }
    effects.append(.list(list))
    if !unfitness.isEmpty { send(.unfit(reason: unfitness), &effects) }
  }

  private mutating func received(
    _ message: consuming ToAgent, _ now: Instant, _ effects: inout [AttemptEffect]
  ) {
    switch consume message {
    case .start(let start): self.start(start, now, &effects)
    case .revoke(let fence): revoke(fence, now, &effects)
    case .kill(let fence, let grace, let reason): kill(fence, grace, reason, now, &effects)
    case .endsAcknowledged(let fences): endsAcknowledged(fences, now, &effects)
    case .heartbeatAcknowledged(let number):
      lease.acknowledged(number)
      if planted(.leaseFromAcknowledgement) { lease.countsFrom = now }
      leaseRenewed()
    // The driver's: the handshake is over, and output is not kept here.
    case .welcome, .refused, .outputAcknowledged: break
    }
  }

  private mutating func send(_ message: ToCoordinator, _ effects: inout [AttemptEffect]) {
    if isWelcome { effects.append(.send(message)) }
  }

  // MARK: Starting

  private mutating func start(
    _ start: consuming ToAgent.Start, _ now: Instant, _ effects: inout [AttemptEffect]
  ) {
    if let known = attempts[start.fence] { return repeatState(start.fence, known, &effects) }
    if isShuttingDown || !unfitness.isEmpty || isLate(now, start.lease)
      || !start.job.needs.fits(in: settings.capacity)
    {
      return send(.handedBack(start.fence, nil), &effects)
    }
    if waiting.isEmpty, start.job.needs.fits(in: room) || planted(.roomIgnored) {
      return begin(start, &effects)
    }
    attempts[start.fence] = .waiting
    waiting.append(start)
    startWhatFits(now, &effects)
  }

  private mutating func repeatState(
    _ fence: Fence, _ attempt: HeldAttempt, _ effects: inout [AttemptEffect]
  ) {
    switch attempt {
    case .waiting: break
    case .running(let state): send(.started(fence, at: state.start), &effects)
    case .ended(let end): announce(fence, end, &effects)
    }
  }

  private mutating func announce(
    _ fence: Fence, _ end: HeldAttempt.Ended, _ effects: inout [AttemptEffect]
  ) {
    if !isWelcome { return }
    effects.append(
      .announce(
        fence, end.result.stopped == .agentStops ? .handedBack(fence, end.result) : .ended(fence, end.result))
    )
  }

  /// In order, and the first that does not fit holds back those behind it: the coordinator placed them so.
  private mutating func startWhatFits(_ now: Instant, _ effects: inout [AttemptEffect]) {
    if isShuttingDown { return }
    // An agent that stood still may hear of an end before its timer.
    if isLate(now) && !planted(.waitingStartsLate) { return handBackWhatWaits(&effects) }
    while !waiting.isEmpty, waiting[0].job.needs.fits(in: room) || planted(.roomIgnored) {
      let start = waiting.removeFirst()
      if isLate(now, start.lease), !planted(.waitingStartsLate) {
        attempts[start.fence] = nil
        send(.handedBack(start.fence, nil), &effects)
        continue
      }
      begin(start, &effects)
    }
  }

  private mutating func begin(_ start: consuming ToAgent.Start, _ effects: inout [AttemptEffect]) {
    room -= start.job.needs
    attempts[start.fence] = .running(.init(job: start.job.withoutWorld, start: .none, lease: start.lease))
    if start.lease.length != nil { haveOwnLeasesChanged = true }
    running.append(start.fence)
    effects.append(.record(.started(start.fence, start.lease)))
    effects.append(.spawn(start))
  }

  private mutating func processStarted(
    _ fence: Fence, _ time: WallTime, _ now: Instant, _ effects: inout [AttemptEffect]
  ) {
    updateRunning(fence) { state in
      state.start = time
      let timeout = Int64(state.job.timeoutSeconds)
      if timeout > 0 { state.timeLimit = now + .seconds(timeout) }
    }
    send(.started(fence, at: time), &effects)
  }

  private mutating func spawnFailed(
    _ fence: Fence, _ rc: Int32, _ words: String, _ time: WallTime, _ now: Instant,
    _ effects: inout [AttemptEffect]
  ) {
    let state = runningState(fence)
    let result =
      if state.stopping == nil {
        AttemptResult(
          kind: .notExecuted, rc: rc, start: state.start == .none ? time : state.start, stop: time,
          words: words)
      } else {
        AttemptResult(ProcessEnd(how: .exit(code: rc), stop: time, remark: words), of: state)
      }
    end(fence, state, result, now, &effects)
  }

  // MARK: Ending

  private mutating func processEnded(
    _ fence: Fence, _ end: ProcessEnd, _ now: Instant, _ effects: inout [AttemptEffect]
  ) {
    let state = runningState(fence)
    var told = state
    // The agent's other process ends what this one, stopped, did not.
    if state.stopping == nil, end.how == .signal(9), isLeaseOver(state.lease, now) {
      told.stopping = .init(cause: .leaseExpired, killAt: nil)
    }
    self.end(fence, state, AttemptResult(end, of: told), now, &effects)
  }

  @inline(__always)
  private func runningState(_ fence: Fence) -> HeldAttempt.Running {
    guard case .running(let state)? = attempts[fence] else {
      preconditionFailure("attempt \(fence) is not running")
    }
    return state
  }

  /// At once, and with all of its processes: what is over its limit gets no time to take more.
  private mutating func memoryExceeded(_ fence: Fence, _ now: Instant, _ effects: inout [AttemptEffect]) {
    guard case .running? = attempts[fence] else { return }
    stop(fence, .memoryLimit, grace: .zero, now, &effects)
  }

  private mutating func end(
    _ fence: Fence, _ state: HeldAttempt.Running, _ result: AttemptResult, _ now: Instant,
    _ effects: inout [AttemptEffect]
  ) {
    guard let at = running.firstIndex(of: fence) else {
      preconditionFailure("attempt \(fence) ended, which is not running")
    }
    running.remove(at: at)
    if state.due != nil { haveEndsChanged = true }
    if state.lease.length != nil { haveOwnLeasesChanged = true }
    room += state.job.needs
    if planted(.roomGivenTwice) { room += state.job.needs }
    let ended = HeldAttempt.Ended(result: result, isAcknowledged: false)
    attempts[fence] = .ended(ended)
    unacknowledged.append(fence)
    effects.append(.record(.ended(fence, result)))
    announce(fence, ended, &effects)
    startWhatFits(now, &effects)
  }

  /// Whoever reads the result is to know.
  private mutating func outputLost(_ fence: Fence, _ why: String, _ effects: inout [AttemptEffect]) {
    guard case .ended(var end)? = attempts[fence], !end.isAcknowledged else { return }
    end.result.tell(lostOutput: why)
    attempts[fence] = .ended(end)
    effects.append(.record(.ended(fence, end.result)))
    announce(fence, end, &effects)
  }

  private mutating func endsAcknowledged(
    _ fences: [Fence], _ now: Instant, _ effects: inout [AttemptEffect]
  ) {
    for fence in fences {
      guard case .ended(var end)? = attempts[fence], !end.isAcknowledged else { continue }
      end.isAcknowledged = true
      attempts[fence] = .ended(end)
      if let at = unacknowledged.firstIndex(of: fence) { unacknowledged.remove(at: at) }
      acknowledged.append((fence, now + settings.acknowledgedEndsTime))
      effects.append(.record(.acknowledged(fence)))
      effects.append(.forgetOutput(fence))
    }
    while !acknowledged.isEmpty,
      acknowledged.count > settings.acknowledgedEndsKept || acknowledged[0].until <= now
    {
      attempts[acknowledged.removeFirst().fence] = nil
    }
  }

  private mutating func revoke(_ fence: Fence, _ now: Instant, _ effects: inout [AttemptEffect]) {
    switch attempts[fence] {
    case nil: send(.revoked(fence), &effects)
    case .waiting:
      // A short queue: an agent's backlog is what it starts within some 20 ms.
      let at = waiting.indices.first { waiting[$0].fence == fence }
      if let at, !planted(.revokedAndKept) {
        waiting.remove(at: at)
        attempts[fence] = nil
      }
      send(.revoked(fence), &effects)
      startWhatFits(now, &effects)
    case .some(let attempt): repeatState(fence, attempt, &effects)
    }
  }

  /// While nobody hears it, it is not in the next list, which says the same.
  private mutating func handBackWhatWaits(_ effects: inout [AttemptEffect]) {
    while !waiting.isEmpty {
      let fence = waiting.removeFirst().fence
      attempts[fence] = nil
      send(.handedBack(fence, nil), &effects)
    }
  }

  private mutating func kill(
    _ fence: Fence, _ graceSeconds: Int32?, _ reason: String, _ now: Instant, _ effects: inout [AttemptEffect]
  ) {
    guard case .running(let state)? = attempts[fence] else { return revoke(fence, now, &effects) }
    let grace = graceSeconds.map { .seconds(Int64($0)) } ?? state.grace ?? settings.killGrace
    stop(fence, .killed(reason: reason), grace: grace, now, &effects)
  }

  /// SIGTERM now and SIGKILL after the grace. Where it is being stopped already, only an earlier SIGKILL
  /// changes anything.
  private mutating func stop(
    _ fence: Fence, _ cause: HeldAttempt.Stopping.Cause, grace: Period, _ now: Instant,
    _ effects: inout [AttemptEffect]
  ) {
    let killAt = now + grace
    updateRunning(fence) { state in
      if let stopping = state.stopping {
        if let before = stopping.killAt, killAt < before { state.stopping!.killAt = killAt }
        return
      }
      state.stopping = .init(cause: cause, killAt: killAt)
      effects.append(.signal(fence, .terminate))
    }
    killWhatIsDue(fence, now, &effects)
  }

  private mutating func killWhatIsDue(_ fence: Fence, _ now: Instant, _ effects: inout [AttemptEffect]) {
    updateRunning(fence) { state in
      guard let killAt = state.stopping?.killAt, killAt <= now else { return }
      state.stopping!.killAt = nil
      effects.append(.signal(fence, .kill))
    }
  }

  private mutating func updateRunning(_ fence: Fence, _ body: (inout HeldAttempt.Running) -> Void) {
    var state = runningState(fence)
    body(&state)
    if state.due != nil || state.stopping != nil { haveEndsChanged = true }
    attempts[fence] = .running(state)
  }

  // MARK: Time

  private var unansweredLimit: Period {
    max(Self.unansweredTime, Period(nanoseconds: heartbeatEvery.nanoseconds * Self.unansweredHeartbeats))
  }

  /// As the coordinator asks for, and ten in the shortest lease of an attempt's own.
  private var heartbeatInterval: Period {
    shortestOwnLease.map { min(heartbeatEvery, $0.percent(10)) } ?? heartbeatEvery
  }

  /// So much of the agent's lease is over that nothing new begins.
  @inline(__always)
  private func isLate(_ now: Instant) -> Bool {
    if planted(.startsLate) { return false }
    return lease.passes(percent: Self.termAtPercent).map { $0 <= now } ?? false
  }

  /// So much of the agent's lease, or of its own, is over that this does not begin. What may run on for longer
  /// than the agent's still begins only within that, as the coordinator hears of nothing.
  @inline(__always)
  private func isLate(_ now: Instant, _ own: TaskLease) -> Bool {
    if isLate(now) { return true }
    guard let length = own.length, !planted(.startsLate) else { return false }
    return lease.passes(percent: Self.termAtPercent, of: length).map { $0 <= now } ?? false
  }

  /// Whether a process that could not be made as wished may be made otherwise: nobody ends it, and it would still begin.
  public func mayStillRun(_ fence: Fence, at now: Instant) -> Bool {
    guard case .running(let state)? = attempts[fence] else { return false }
    return state.stopping == nil && !isShuttingDown && !isLate(now, state.lease)
      && state.timeLimit.map { now < $0 } ?? true
  }

  private func isLeaseOver(_ own: TaskLease, _ now: Instant) -> Bool {
    let over =
      own == .standard
      ? lease.passes(percent: Self.killAtPercent)
      : own.length.flatMap { lease.passes(percent: Self.killAtPercent, of: $0) }
    return over.map { $0 <= now } ?? false
  }

  /// From when on leases count, the coordinator's, and the shortest of what runs; nil: never welcome.
  public var leases: (from: Instant, standard: Period?, shortest: Period?)? {
    guard let from = lease.countsFrom else { return nil }
    let lengths = [lease.length, shortestOwnLease].compactMap(\.self)
    return (from, lease.length, lengths.min())
  }

  private mutating func findShortestLease(_ now: Instant) {
    haveOwnLeasesChanged = false
    var shortest: Period?
    for fence in running {
      guard case .running(let state) = attempts[fence], let own = state.lease.length, !state.isLeaseTermSent
      else { continue }
      shortest = min(shortest ?? own, own)
    }
    shortestOwnLease = shortest
    if let due = nextHeartbeat { nextHeartbeat = min(due, now + heartbeatInterval) }
  }

  private mutating func leaseRenewed() {
    isLeaseTermSent = false
    isLeaseKillSent = false
  }

  private mutating func timer(_ now: Instant, _ effects: inout [AttemptEffect]) {
    if let due = nextHeartbeat, due <= now {
      nextHeartbeat = now + heartbeatInterval
      send(.heartbeat(lease.nextHeartbeat(at: now)), &effects)
    }
    if isWelcome, let since = lease.unansweredSince, since + unansweredLimit <= now {
      // Told once: the driver answers with `disconnected`, and until then nothing more is expected.
      isWelcome = false
      nextHeartbeat = nil
      let seconds = (now - since).nanoseconds / 1_000_000_000
      effects.append(.reconnect(reason: "the coordinator has not answered a heartbeat for \(seconds) s"))
    }
    checkLease(now, &effects)
    checkOwnLeases(now, &effects)
    for fence in running {
      guard case .running(let state)? = attempts[fence] else { continue }
      if state.stopping != nil {
        killWhatIsDue(fence, now, &effects)
      } else if let limit = state.timeLimit, limit <= now {
        stop(fence, .timeLimit, grace: state.grace ?? settings.killGrace, now, &effects)
      }
    }
  }

  private mutating func checkLease(_ now: Instant, _ effects: inout [AttemptEffect]) {
    if let term = lease.passes(percent: Self.termAtPercent), term <= now, !isLeaseTermSent {
      isLeaseTermSent = true
      let kill = lease.passes(percent: Self.killAtPercent) ?? now
      for fence in running where has(fence, .standard) {
        let grace = planted(.noKillAtNinety) ? settings.killGrace : kill - now
        stop(fence, .leaseExpired, grace: grace, now, &effects)
      }
      if !planted(.waitingStartsLate) { handBackWhatWaits(&effects) }
    }
    if let kill = lease.passes(percent: Self.killAtPercent), kill <= now, !isLeaseKillSent {
      isLeaseKillSent = true
      for fence in running where has(fence, .standard) && !planted(.noKillAtNinety) {
        stop(fence, .leaseExpired, grace: .zero, now, &effects)
      }
    }
  }

  private func has(_ fence: Fence, _ lease: TaskLease) -> Bool {
    if case .running(let state)? = attempts[fence] { state.lease == lease } else { false }
  }

  /// SIGKILL follows at its time by the grace, which nothing makes longer.
  private mutating func checkOwnLeases(_ now: Instant, _ effects: inout [AttemptEffect]) {
    guard let own = shortestOwnLease, let term = lease.passes(percent: Self.termAtPercent, of: own),
      term <= now
    else { return }
    for fence in running {
      guard case .running(let state)? = attempts[fence], let own = state.lease.length, !state.isLeaseTermSent,
        let term = lease.passes(percent: Self.termAtPercent, of: own), term <= now
      else { continue }
      let kill = lease.passes(percent: Self.killAtPercent, of: own) ?? now
      updateRunning(fence) { $0.isLeaseTermSent = true }
      stop(fence, .leaseExpired, grace: max(.zero, kill - now), now, &effects)
    }
    haveOwnLeasesChanged = true
  }

  // MARK: The end of the agent

  private mutating func unfit(_ reason: String, _ effects: inout [AttemptEffect]) {
    if reason == unfitness { return }
    unfitness = reason
    if !reason.isEmpty { handBackWhatWaits(&effects) }
    send(.unfit(reason: reason), &effects)
  }

  private mutating func shutdown(_ now: Instant, _ effects: inout [AttemptEffect]) {
    if isShuttingDown { return }
    isShuttingDown = true
    handBackWhatWaits(&effects)
    for fence in running {
      guard case .running(let state)? = attempts[fence] else { continue }
      stop(fence, .shutdown, grace: state.grace ?? settings.killGrace, now, &effects)
    }
  }
}
