import Protocol
import Scheduling
import System

// What was stored comes back.
extension Engine {
  /// The Scheduler goes on with what the store found at its opening.
  func restore(_ state: StoredState) {
    for row in state.agents {
      agents[row.id] = AgentInfo(labels: row.labels, software: row.software, lastSeen: row.lastSeen)
    }
    Failpoint.recoveryAgentsAfter.pass()
    let restored = RestoredState(
      agents: state.agents.map {
        RestoredAgent(name: $0.name, incarnation: $0.incarnation, capacity: $0.capacity, state: $0.state)
      },
      runs: state.runs.map { stored in
        Failpoint.recoveryRunBefore.pass()
        return read(stored)
      })
    scheduler = Scheduler(
      restoring: restored, epoch: state.epoch, settings: settings.scheduler, at: Instant.now())
    Failpoint.recoveryAfter.pass()
  }

  /// A final run comes back, since somebody wants to change it.
  func load(_ stored: StoredRun, at now: Instant) { scheduler.load(read(stored), at: now) }

  private func read(_ stored: StoredRun) -> RestoredRun {
    let restored = attempt { () throws(StoreFault) in try stored.restored() }
    runs[stored.row.run] = RunInfo(
      layout: restored.layout, tag: stored.row.tag, labels: stored.row.labels,
      submitted: stored.row.submitted, notBefore: stored.row.lastUpdate)
    layouts.put(restored.layout, for: stored.row.run)
    return restored.run
  }
}

extension StoredRun {
  /// The documents read again into families, beside what is stored of their tasks.
  func restored() throws(StoreFault) -> (layout: RunLayout, run: RestoredRun) {
    var added: [RestoredRun.Part] = []
    let layout = try RunLayout(parts, of: row.run) { part, addition in
      added.append(
        RestoredRun.Part(
          firstTask: addition.firstTask, generator: part.generator, isDropped: part.isDropped,
          graph: addition.graph))
    }
    let main = RestoredRun.Part(
      firstTask: TaskIndex(0), generator: nil, isDropped: false, graph: layout.parts[0].plan.graph)
    let run = RestoredRun(
      id: row.run, state: row.state, isKillRequested: row.isKillRequested, hasStarted: row.hasStarted,
      latestStop: row.latestStop, bytes: bytes.map { TaskByte(raw: $0) }, histories: histories,
      open: open.map { AttemptRecord($0) }, parts: [main] + added)
    return (layout, run)
  }
}
