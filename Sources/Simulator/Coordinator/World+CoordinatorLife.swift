import Protocol
import Scheduling

// The coordinator's process and host come and go; what was committed comes back.
extension World {
  mutating func coordinatorStarts() {
    guard coordinator.life == .down else { return }
    coordinator.hasPower = true
    coordinator.life = .serving
    coordinator.state.countStart()
    let time = coordinator.clock.boot(now)
    if isLogging { note("the coordinator starts, epoch \(coordinator.state.epoch)") }
    oracle.coordinatorStarted(epoch: coordinator.state.epoch, at: time)
    coordinator.nextRun = coordinator.state.nextRun
    for run in coordinator.state.runs.indices {
      coordinator.parts.append(RunParts(parts: coordinator.state.runs[run].parts))
    }
    let state = coordinator.state.restored()
    if let fault = coordinator.state.fault { return oracle.violate(fault) }
    var restored = Scheduler(
      restoring: state, epoch: Epoch(coordinator.state.epoch), settings: tempo.settings, at: time)
    // What was in memory at a crash, where all of it was committed, must be what came back.
    if coordinator.hasDiedWhole, let difference = coordinator.scheduler.difference(from: restored) {
      oracle.violate("what was restored is not what was committed: \(difference)")
    }
    coordinator.hasDiedWhole = false
    swap(&coordinator.scheduler, &restored)
    recheck()
    coordinator.phase = .idle
    wakeHeldUp()
    engineTurn(isDue: true)
  }

  mutating func load(_ run: RunID, at time: Instant) {
    coordinator.scheduler.load(coordinator.state.restored(run), at: time)
  }

  // MARK: Ending

  /// kill -9, or a fault of its own; it is started again after `downtime`.
  mutating func crashCoordinator(downtime: Int64) {
    guard coordinator.life != .down else { return }
    if isLogging { note("the coordinator's process dies") }
    endCoordinator(downtime: downtime)
  }

  mutating func crashCoordinatorAtPoint() {
    if isLogging { note("the coordinator is about to die \(coordinator.crashPoint!)") }
    crashCoordinator(downtime: coordinator.crashDowntime)
  }

  private mutating func endCoordinator(downtime: Int64) {
    loseMemory()
    for c in network.connections.indices where network.connections[c].isOpenAtCoordinator {
      network.connections[c].isKnownToEngine = false
      closeAtCoordinator(c)
    }
    // What was being written may be there.
    if coordinator.logs.isWriting, coordinator.random.chance(percent: 50) { coordinator.logs.commit() }
    coordinator.endProcess()
    agenda.enter(.coordinatorStarts, 0, at: now + downtime, generation: coordinator.lifeNumber)
  }

  private mutating func loseMemory() {
    // A commit under way is kept or not; what is said of crash points decides it beforehand.
    if coordinator.phase == .committing, coordinator.crashPoint == nil, coordinator.random.chance(percent: 50)
    {
      writeBatch()
      coordinator.phase = .telling
    }
    switch coordinator.phase {
    case .idle, .resting, .telling: coordinator.hasDiedWhole = true
    case .committing: coordinator.hasDiedWhole = false
    }
  }

  /// The host loses its power: nobody is told.
  mutating func crashCoordinatorHost(downtime: Int64) {
    guard coordinator.hasPower, coordinator.life != .down else { return }
    if isLogging { note("the coordinator's host loses its power") }
    for c in network.connections.indices where network.connections[c].isOpenAtCoordinator {
      network.connections[c].isKnownToEngine = false
      network.connections[c].isOpenAtCoordinator = false
      network.drop(c, .down, keeping: coordinator.random.below(3))
    }
    loseMemory()
    coordinator.hasPower = false
    coordinator.endProcess()
    coordinator.clock.reboot(at: now)
    agenda.enter(.coordinatorStarts, 0, at: now + downtime, generation: coordinator.lifeNumber)
  }

  /// SIGTERM.
  mutating func stopCoordinator(downtime: Int64) {
    guard coordinator.life == .serving else { return }
    if isLogging { note("the coordinator is told to stop") }
    coordinator.life = .stopping
    coordinator.downtimeAfterStopping = downtime
    if coordinator.phase == .idle { engineTurn(isDue: true) }
  }

  /// All is answered and committed.
  mutating func coordinatorExits() {
    if isLogging { note("the coordinator's process ends") }
    endCoordinator(downtime: coordinator.downtimeAfterStopping)
  }

  /// SIGSTOP, and SIGCONT after `period`.
  mutating func freezeCoordinator(period: Int64) {
    guard coordinator.life == .serving, now >= coordinator.frozenUntil else { return }
    if isLogging { note("the coordinator is stopped for \(period / TrueTime.millisecond) ms") }
    coordinator.frozenUntil = now + period
    agenda.enter(.coordinatorContinues, 0, at: now + period, generation: coordinator.lifeNumber)
  }

  mutating func coordinatorContinues() {
    if isLogging { note("the coordinator continues") }
    coordinator.frozenUntil = now
    // Its threads continue in any order: the Engine may look at the time before anything is read.
    if coordinator.phase == .idle, coordinator.life == .stopping || coordinator.random.chance(percent: 50) {
      engineTurn(isDue: true)
    }
    wakeHeldUp()
  }
}
