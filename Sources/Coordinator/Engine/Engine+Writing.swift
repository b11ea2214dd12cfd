import Protocol
import Scheduling

// Effects that must be on disk before anybody is told.
extension Engine {
  func write(_ effect: Effect) {
    switch effect {
    case .attemptInserted(let record): batch.insert(record)
    case .attemptUpdated(let record): batch.update(record)
    case .attemptDeleted(let key, let number): batch.commit.attempts.append(.delete(key, number))
    case .historyChanged(let key, let history):
      batch.commit.histories.append(HistoryWrite(key: key, history: history))
    case .runStateChanged(let run, let state):
      batch.commit.runStateChanges.append(
        RunStateChange(run: run, time: batch.time(of: runs[run]!), state: state))
    case .agentChanged(let id): batch.commit.agents.append(row(of: id))
    case .partsDropped(let run, let generator): drop(madeBy: generator, of: run)
    case .start, .revoke, .kill, .acknowledgeEnd, .welcome, .refuse, .closeSession, .answer, .expand: break
    }
  }

  private func drop(madeBy generator: TaskIndex, of run: RunID) {
    for part in runs[run]!.layout.drop(generator: generator) {
      batch.commit.partsDropped.append(PartDropped(run: run, part: part))
    }
    layouts.put(runs[run]!.layout, for: run)
  }

  func row(of id: AgentID) -> AgentRow {
    let agent = scheduler.agents[Int(id.value)]
    let info = agents[id]!
    return AgentRow(
      id: id, name: agent.name, incarnation: agent.incarnation, capacity: agent.capacity, labels: info.labels,
      state: agent.state, software: info.software, lastSeen: info.lastSeen)
  }
}
