import Protocol

// What people killed while its agent was away ends soon after that is back, unless something is in the way again.
extension World {
  /// Until the kill is said again and heeded; a slow commit and a rest between two included.
  private static let tellingTime = 5 * TrueTime.second

  /// When an agent is welcome.
  mutating func expectKills(_ a: Int) {
    let c = agents[a].connection
    network.connections[c].welcomed = (now, coordinator.lifeNumber)
    if !agents[a].processes.isEmpty { agenda.enter(.killAudit, c, at: now + Self.tellingTime) }
  }

  /// False: nothing can be said of it.
  mutating func auditKills(_ c: Int) -> Bool {
    let a = network.connections[c].agent
    let (since, life) = network.connections[c].welcomed
    let link = network.links[a]
    let isCalm =
      agents[a].connection == c && agents[a].link == .welcome && agents[a].frozenUntil <= since
      && coordinator.lifeNumber == life && coordinator.frozenUntil <= since
      && coordinator.isSlowUntil <= since && network.connections[c].isKnownToEngine
      && max(link.upCutUntil, link.downCutUntil, link.isLossyUntil) <= since
    if !isCalm { return false }
    for process in agents[a].processes where !process.isZombie {
      let attempt = oracle.attempts[process.attempt]
      let run = oracle.runs[Int(attempt.run)]
      let isKilled =
        (attempt.isKillRequested && attempt.killedAt < since) || (run.isKillRequested && run.killedAt < since)
      if isKilled, attempt.cause == .none {
        oracle.violate(
          "\(oracle.words(process.attempt)) was killed before \(agents[a].name) came back, and nobody has told it"
        )
      }
    }
    return true
  }
}
