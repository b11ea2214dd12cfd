import Protocol
import SQLite
import Scheduling
import System

@testable import Coordinator

/// The real Scheduler over the real store and the real logs, driven in one thread as the Engine and its
/// sessions do: output first, then what it belongs to, one commit a turn. Its agents do what the dice say.
///
/// A commit that a full disk refuses is tried again, as the Engine does.
final class DrivenCoordinator {
  let store: SQLiteStore
  let logs: LogWriter
  var refused = 0
  /// Called before a commit that was refused is tried again.
  var onRefusal: () -> Void = {}

  private var scheduler: Scheduler
  private var batch = Batch()
  private var effects: [Effect] = []
  private var runs: [RunID: Engine.RunInfo] = [:]
  private var agents: [AgentID: Engine.AgentInfo] = [:]
  private var sessions: [AgentID: SessionID] = [:]
  private var held: [(fence: Fence, agent: AgentID, key: TaskKey, isRunning: Bool)] = []
  private var ended: [RunID] = []
  private var nextRun = RunID(0)
  private var nextSession: Int64 = 0
  private var nextCommand: Int64 = 0
  private var clock: Int64 = 1_000_000_000
  private var dice: Dice

  private static let documents = [
    #"{"tasks": {"a": {"job": {"command": ["x"]}, "children": ["b"]}, "b": {"job": {"command": ["y"]}, "maxRetries": 1}}}"#,
    #"{"parameters": {"N": ["1", "2", "3", "4", "5"]}, "tasks": {"f": {"job": {"command": ["x", "{{N}}"]}, "maxRetries": 2, "retryIntervalSeconds": 1}, "g": {"job": {"command": ["x", "{{N}}"]}, "parents": ["f"]}}}"#,
    #"{"tag": "one", "tasks": {"only": {"job": {"command": ["x"], "environment": {"A": "B"}}}}}"#,
  ]

  /// What a commit did, for who keeps count of them.
  enum Committed { case state, logs }
  private let onCommit: (Committed) throws -> Void

  init(_ path: String, seed: UInt64, onCommit: @escaping (Committed) throws -> Void = { _ in }) throws {
    dice = Dice(seed: seed)
    self.onCommit = onCommit
    let directory = try DataDirectory(path)
    store = try SQLiteStore(directory, software: "test")
    logs = try LogWriter(directory, software: "test")
    scheduler = Scheduler(epoch: try store.open().epoch)
    try onCommit(.state)
    for name in ["anna", "bert"] { try arrive(name) }
  }

  private var now: Instant { Instant(nanoseconds: clock) }
  private var wall: WallTime { WallTime(nanoseconds: 1_790_000_000_000_000_000 + clock) }

  // MARK: Steps

  /// One thing that happens, by the dice.
  func step() throws {
    clock += 10_000_000
    switch dice.below(20) {
    case 0..<3: if held.count < 40 { try submit() }
    case 3..<8: try begin()
    case 8..<16: try end()
    case 16: if let run = dice.element(of: runs.keys.sorted()) { try command(.kill(run)) }
    case 17: try again()
    case 18:
      clock += 1_100_000_000
      try turn { $0.handle(.clockTicked, at: now) }
    default: try dice.isOne(in: 4) ? arrive("anna") : tidy()
    }
  }

  private func submit() throws {
    let document = dice.element(of: Self.documents)!
    guard case .plan(let plan) = RunPlan.check(Array(document.utf8)) else {
      fatalError("no DAG: \(document)")
    }
    let id = nextRun
    nextRun = RunID(id.value + 1)
    let layout = RunLayout(main: plan)
    runs[id] = Engine.RunInfo(
      layout: layout, tag: plan.tag, labels: plan.labelsJSON, submitted: wall, notBefore: wall)
    try turn {
      batch.commit.runsAdded.append(RunAdded(run: id, document: plan.document))
      $0.handle(.submitted(id, plan.graph), at: now)
    }
  }

  private func begin() throws {
    guard let at = held.indices.first(where: { !held[$0].isRunning }) else { return }
    held[at].isRunning = true
    let attempt = held[at]
    try turn {
      $0.handle(.attemptStarted(attempt.agent, sessions[attempt.agent]!, attempt.fence, at: wall), at: now)
    }
  }

  /// What it printed is durable before its end is handled.
  private func end() throws {
    guard let attempt = dice.element(of: held.filter(\.isRunning)) else { return }
    held.removeAll { $0.fence == attempt.fence }
    var result = AttemptResult(rc: dice.isOne(in: 5) ? 1 : 0, start: wall, stop: wall)
    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: attempt.fence.value), count: dice.below(300))
    result.stdoutBytes = Int64(bytes.count)
    if !bytes.isEmpty {
      try write([OutputPiece(LogStream(attempt.fence, .stdout), offset: 0, bytes)])
      // Sent again, as after a lost connection.
      if dice.isOne(in: 8) { try write([OutputPiece(LogStream(attempt.fence, .stdout), offset: 0, bytes)]) }
    }
    try turn {
      $0.handle(.attemptEnded(attempt.agent, sessions[attempt.agent]!, attempt.fence, result), at: now)
    }
  }

  private func again() throws {
    guard let run = dice.element(of: ended) else { return }
    ended.removeAll { $0 == run }
    let stored = try store.load(run: run)!
    let restored = try stored.restored()
    runs[run] = Engine.RunInfo(
      layout: restored.layout, tag: stored.row.tag, labels: stored.row.labels,
      submitted: stored.row.submitted,
      notBefore: stored.row.lastUpdate)
    scheduler.load(restored.run, at: now)
    try command(.queue(run))
  }

  private func command(_ command: RunCommand) throws {
    nextCommand += 1
    try turn { $0.handle(.commanded(CommandID(nextCommand), command), at: now) }
  }

  /// A new start of an agent: what it had is lost.
  private func arrive(_ name: String) throws {
    nextSession += 1
    let session = SessionID(nextSession)
    if let agent = scheduler.agent(named: name) { held.removeAll { $0.agent == agent.id } }
    try turn {
      $0.handle(
        .agentArrived(
          AgentArrival(
            session: session, name: name,
            incarnation: Incarnation(directoryID: name, bootID: "boot", startNumber: nextSession),
            capacity: ResourceVector(milliCores: 8000, memoryMB: 8000))), at: now)
      let agent = $0.agent(named: name)!.id
      agents[agent] = Engine.AgentInfo(labels: [:], software: "test", lastSeen: wall)
      sessions[agent] = session
      $0.handle(.agentListed(agent, session, [], isLast: true), at: now)
    }
  }

  private func tidy() throws {
    _ = try? store.database.checkpoint(.passive)
    _ = try? logs.database.checkpoint(.passive)
  }

  // MARK: A turn

  private func turn(_ handle: (inout Scheduler) -> Void) throws {
    batch.begin(at: wall)
    handle(&scheduler)
    scheduler.takeEffects(into: &effects)
    for effect in effects { write(effect) }
    scheduler.drainDirtyRuns { batch.add($0, runs[$0.id]!) }
    if !batch.commit.isEmpty {
      try untilTaken { () throws(StoreFault) in try store.commit(batch.commit) }
      try onCommit(.state)
    }
    for effect in effects { tell(effect) }
    for run in scheduler.evictFinalRuns() {
      runs[run] = nil
      ended.append(run)
    }
  }

  private func write(_ pieces: [OutputPiece]) throws {
    try untilTaken { () throws(StoreFault) in _ = try logs.write([LogWork(pieces: pieces, then: {})]) }
    try onCommit(.logs)
  }

  private func untilTaken(_ body: () throws(StoreFault) -> Void) throws {
    while true {
      do throws(StoreFault) { return try body() } catch {
        guard error.kind == .full else { throw error }
        refused += 1
        onRefusal()
      }
    }
  }

  private func write(_ effect: Effect) {
    switch effect {
    case .attemptInserted(let record): batch.insert(record)
    case .attemptUpdated(let record): batch.update(record)
    case .attemptDeleted(let key, let number): batch.commit.attempts.append(.delete(key, number))
    case .historyChanged(let key, let history):
      batch.commit.histories.append(HistoryWrite(key: key, history: history))
    case .runStateChanged(let run, let state):
      batch.commit.runStateChanges.append(RunStateChange(run: run, time: wall, state: state))
    case .agentChanged(let id):
      let agent = scheduler.agents[Int(id.value)]
      batch.commit.agents.append(
        AgentRow(
          id: id, name: agent.name, incarnation: agent.incarnation, capacity: agent.capacity, labels: [:],
          state: agent.state, software: "test", lastSeen: wall))
    case .partsDropped, .start, .revoke, .kill, .acknowledgeEnd, .welcome, .refuse, .closeSession, .answer,
      .expand:
      break
    }
  }

  private func tell(_ effect: Effect) {
    switch effect {
    case .start(let agent, _, let key, _, let fence):
      held.append((fence: fence, agent: agent, key: key, isRunning: false))
    case .revoke(_, _, let fence), .kill(_, _, let fence, _):
      // Killed at once: its end comes as any other.
      if let at = held.firstIndex(where: { $0.fence == fence }) { held[at].isRunning = true }
    default: break
    }
  }
}
