import Protocol
import Scheduling
import System

// The disk takes no commit. It was rolled back, and nobody was told of what it holds: so it is tried again
// until it is taken, and nothing else is handled before.
//
// The Scheduler stands still meanwhile, as if the process did (it forgives agents' silence afterwards). What
// must not wait is answered past it: heartbeats, lest agents give up what runs, and people, who are told why.
extension Engine {
  func holdUntilCommitted() {
    disk.writeWasRefused()
    var next = Instant.now() + disk.limits.retry
    while true {
      let (inputs, isStopping) = inbox.wait(
        upTo: next - .now(), until: { !$0.inputs.isEmpty || $0.isStopping },
        { ($0.take(), $0.isStopping) })
      for input in inputs { takeWhileHeld(input) }
      if next > .now(), !isStopping { continue }
      do throws(StoreFault) {
        try store.commit(batch.commit)
        return disk.writeWasTaken()
      } catch {
        // One that is told to stop does not wait for room: what it was not told is with agents and people
        // still.
        if error.kind != .full || isStopping { onFailure(error) }
        next = .now() + disk.limits.retry
      }
    }
  }

  private func takeWhileHeld(_ input: EngineInput) {
    switch input {
    case .submit(_, let reply): reply(.failure(refusalWhileHeld))
    case .command(_, let reply): reply(.failure(refusalWhileHeld))
    case .askAgents(let reply): reply(agentList())
    case .said(let id, let messages):
      let others = messages.filter { message in
        guard case .heartbeat(let number) = message else { return true }
        return !answerHeartbeat(number, on: id)
      }
      if !others.isEmpty { deferred.append(.said(id, others)) }
    case .closed(let id, _):
      // One that came meanwhile and went again was never here: else those that try on and on would fill the
      // memory.
      let before = deferred.count
      deferred.removeAll { $0.isArrival(of: id) }
      if deferred.count == before {
        deferred.append(input)
      } else {
        deferred.removeAll { $0.isWord(on: id) }
      }
    case .arrived, .expanded, .disk: deferred.append(input)
    }
  }

  /// false: it is no agent's that is known and thought alive.
  private func answerHeartbeat(_ number: Int64, on id: SessionID) -> Bool {
    guard let info = sessions[id], let agent = info.agent, scheduler.isCurrent(agent, id),
      scheduler.agents[Int(agent.value)].state != .lost
    else { return false }
    info.session.gather(.heartbeatAcknowledged(number))
    info.session.flush()
    return true
  }

  /// The watch knows of the hold; where it cannot tell the room, that is all there is to say.
  private var refusalWhileHeld: Refusal {
    disk.refusal()
      ?? Refusal(
        .diskFull, "the coordinator's disk takes nothing: free some space there, it needs no restart")
  }
}

extension EngineInput {
  fileprivate func isArrival(of id: SessionID) -> Bool {
    if case .arrived(let session, _) = self { return session.id == id }
    return false
  }

  fileprivate func isWord(on id: SessionID) -> Bool {
    if case .said(id, _) = self { return true }
    return false
  }
}
