import Protocol
import Scheduling
import System

// What was stored comes back.
extension Engine {
  func restore(_ state: StoredState) {
    let now = Instant.now()
    scheduler.load(
      agents: state.agents.map {
        RestoredAgent(name: $0.name, incarnation: $0.incarnation, capacity: $0.capacity, state: $0.state)
      }, at: now)
    for row in state.agents {
      agents[row.id] = AgentInfo(labels: row.labels, software: row.software, lastSeen: row.lastSeen)
    }
    for run in state.runs { load(run, at: now) }
  }

  func load(_ stored: StoredRun, at now: Instant) {
    let restored = attempt { () throws(StoreFault) in try stored.restored() }
    runs[stored.row.run] = RunInfo(
      layout: restored.layout, tag: stored.row.tag, labels: stored.row.labels, submitted: stored.row.submitted
    )
    layouts.put(restored.layout, for: stored.row.run)
    scheduler.load(restored.run, at: now)
  }
}

extension StoredRun {
  /// The documents read again into families, beside what is stored of their tasks.
  func restored() throws(StoreFault) -> (layout: RunLayout, run: RestoredRun) {
    do throws(Fault) {
      return try reread()
    } catch {
      throw StoreFault(
        .corrupt, "run \(row.run): its stored document cannot be read again (\(error.path): \(error.message))"
      )
    }
  }

  private func reread() throws(Fault) -> (layout: RunLayout, run: RestoredRun) {
    let main = try RunPlan.trusted(parts[0].document)
    var layout = RunLayout(main: main)
    var restored = [
      RestoredRun.Part(firstTask: TaskIndex(0), generator: nil, isDropped: false, graph: main.graph)
    ]
    for part in parts.dropFirst() {
      let generator = part.generator!
      let addition = layout.add(try RunPlan.trusted(generated: part.document, joining: layout), by: generator)
      // At once, so that what comes after it is tied as it was then.
      if part.isDropped { _ = layout.drop(generator: generator) }
      restored.append(
        RestoredRun.Part(
          firstTask: addition.firstTask, generator: generator, isDropped: part.isDropped,
          graph: addition.graph))
    }
    let run = RestoredRun(
      id: row.run, state: row.state, isKillRequested: row.isKillRequested, hasStarted: row.hasStarted,
      latestStop: row.latestStop, bytes: bytes.map { TaskByte(raw: $0) }, histories: histories,
      open: open.map { AttemptRecord($0) }, parts: restored)
    return (layout, run)
  }
}
