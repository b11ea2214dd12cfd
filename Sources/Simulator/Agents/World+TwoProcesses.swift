import Protocol
import Scheduling

// An agent's other process, which has the connection, and the program that takes over from the one before it.
extension World {
  /// As `LeaseGuard` has it.
  private static let guardPercent: Int64 = 95
  private static let guardPace = TrueTime.second

  // MARK: It ends what a stopped agent does not

  /// From now on the other process alone can end tasks.
  mutating func guardLeases(_ a: Int) {
    guard let leases = agents[a].tracker.leases, let shortest = leases.shortest else { return }
    let due = leases.from + shortest.percent(Self.guardPercent)
    let time = agents[a].clock.time(ofLease: due, now: now)
    agenda.enter(.linkGuards, a, at: max(now, time), generation: agents[a].lifeNumber)
  }

  /// False: there was nothing to do.
  mutating func linkGuards(_ a: Int) -> Bool {
    guard isFrozen(a), !agents[a].isLinkFrozen, let leases = agents[a].tracker.leases else { return false }
    var isAnyKilled = false
    for p in agents[a].processes.indices where !agents[a].processes[p].isZombie {
      let own = agents[a].processes[p].lease
      guard let length = own == .standard ? leases.standard : own.length,
        leases.from + length.percent(Self.guardPercent) <= agents[a].clock.lease(now), !planted(.linkIdle)
      else { continue }
      if isLogging { note("\(agents[a].name)'s link ends what its runner does not") }
      killByLink(a, p)
      isAnyKilled = true
    }
    if !agents[a].processes.allSatisfy(\.isZombie) {
      agenda.enter(.linkGuards, a, at: now + Self.guardPace, generation: agents[a].lifeNumber)
    }
    return isAnyKilled
  }

  // MARK: It tells of the other's death

  /// Ends what is left of the dead process's tasks, and says which they were.
  mutating func tellDeath(_ a: Int) {
    while let p = agents[a].processes.indices.first { removeNow(a, p) }
    guard agents[a].link == .welcome else { return }
    let segment = network.takeSegment(.toCoordinator)
    network.segments[Int(segment)].up.append(.unfit(reason: "the agent's process died"))
    for (fence, result) in agents[a].spool.left(boot: agents[a].boot) where result.kind == .lost {
      network.segments[Int(segment)].up.append(.ended(fence, result))
    }
    if isLogging { note("\(agents[a].name)'s link tells of its runner's death") }
    send(segment, on: agents[a].connection, .up)
  }

  // MARK: Another program takes over

  /// SIGHUP: the same process goes on with another program, which has what this one writes down, and a new link.
  mutating func replaceProgram(_ a: Int) {
    guard agents[a].life == .serving, !isFrozen(a), !agents[a].isLeaving, !agents[a].isUnfit else { return }
    if isLogging { note("another program takes over from \(agents[a].name)'s") }
    let life = agents[a].lifeNumber
    if agents[a].link == .welcome {
      closeAtAgent(a)
      linkClosed(a)
      if agents[a].lifeNumber != life { return }
    }
    agents[a].spool.flush { oracle.spooled($0) }
    var writer = JSONWriter()
    let settings = AttemptTracker.Settings(capacity: agents[a].capacity)
    if planted(.takeoverForgets) {
      AttemptTracker(settings).handOver(to: &writer)
    } else {
      agents[a].tracker.handOver(to: &writer)
    }
    writer.take().withUnsafeBufferPointer { bytes in
      var reader = JSONReader(bytes)
      do throws(JSONFault) {
        agents[a].tracker = try AttemptTracker(settings, takingOver: &reader)
      } catch {
        oracle.violate("what \(agents[a].name) handed over cannot be read: \(error.message)")
      }
    }
    reap(a)
    if agents[a].lifeNumber != life { return }
    tell(a, .timer)
    if agents[a].lifeNumber == life { endOfTurn(a) }
  }
}
