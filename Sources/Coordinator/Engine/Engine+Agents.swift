import Protocol
import Scheduling
import System

// What agents say, as events.
extension Engine {
  /// A LOST agent is listed for a day.
  private static let lostAgentsAreListedFor = Period.seconds(24 * 3600)

  func arrived(_ session: AgentSession, _ hello: ToCoordinator.Hello, at now: Instant) {
    sessions[session.id] = SessionInfo(session: session, hello: hello, agent: nil)
    let before = scheduler.agents.count
    scheduler.handle(
      .agentArrived(
        AgentArrival(
          session: session.id, name: hello.name, incarnation: hello.incarnation, capacity: hello.capacity)),
      at: now)
    guard let agent = scheduler.agent(named: hello.name), agent.session == session.id else { return }
    agents[agent.id] = AgentInfo(labels: hello.labels, software: hello.software, lastSeen: batch.wall)
    Journal.say(
      "agent \(hello.name) \(scheduler.agents.count > before ? "joined" : "connected"): "
        + "\(hello.capacity.coresText) cores, \(hello.capacity.memoryMB) MB, pid \(hello.pid)")
  }

  func closed(_ id: SessionID, _ reason: String, at now: Instant) {
    guard let info = sessions.removeValue(forKey: id) else { return }
    Journal.say("agent \(info.hello.name) disconnected: \(reason)")
    guard let agent = currentAgent(id, info) else { return }
    scheduler.handle(.agentDisconnected(agent, id), at: now)
  }

  func heard(_ id: SessionID, _ messages: [ToCoordinator], at now: Instant) {
    guard let info = sessions[id], let agent = currentAgent(id, info) else { return }
    agents[agent]?.lastSeen = batch.wall
    scheduler.handle(.agentHeard(agent, id), at: now)
    for message in messages {
      switch message {
      case .attempts(let held, let isLast):
        scheduler.handle(.agentListed(agent, id, held, isLast: isLast), at: now)
      case .started(let fence, let time):
        scheduler.handle(.attemptStarted(agent, id, fence, at: time), at: now)
      case .ended(let fence, let result): scheduler.handle(.attemptEnded(agent, id, fence, result), at: now)
      case .revoked(let fence): scheduler.handle(.attemptRevoked(agent, id, fence), at: now)
      case .handedBack(let fence, let result):
        scheduler.handle(.attemptHandedBack(agent, id, fence, result), at: now)
      case .heartbeat(let number):
        scheduler.handle(.agentHeartbeat(agent, id), at: now)
        batch.heartbeats.append((id, number))
      case .unfit(let reason):
        let words = reason.isEmpty ? "takes work again" : "takes no new work: \(reason)"
        Journal.say("agent \(info.hello.name) \(words)")
        scheduler.handle(.agentUnfit(agent, id, reason: reason), at: now)
      case .goodbye(let reason):
        Journal.say("agent \(info.hello.name) leaves: \(reason)")
        scheduler.handle(.agentLeft(agent, id, reason: reason), at: now)
      case .hello, .output:
        Journal.say("agent \(info.hello.name): a message that has no place here is passed over")
      }
    }
  }

  private func currentAgent(_ id: SessionID, _ info: SessionInfo) -> AgentID? {
    guard let agent = scheduler.agent(named: info.hello.name), scheduler.isCurrent(agent.id, id) else {
      return nil
    }
    return agent.id
  }

  func agentList() -> [AgentStatus] {
    scheduler.agents.compactMap { agent in
      let row = row(of: agent.id)
      if agent.state == .lost,
        batch.wall.nanoseconds - row.lastSeen.nanoseconds > Self.lostAgentsAreListedFor.nanoseconds
      {
        return nil
      }
      var used = agent.capacity
      used -= agent.free
      return AgentStatus(
        row: row, isConnected: agent.session != nil, used: used, running: agent.runningCount,
        waiting: agent.waitingCount, unfitness: agent.unfitness)
    }
  }
}
