import Protocol

// Who runs where. In order (the run submitted first, then the family's place, then the ordinal) each ready
// task goes to the agent that fits and where it makes the smallest largest relative dent in what is free;
// where none is free, short tasks wait at an agent (its backlog), so that a slot need not wait for a commit
// and two hops before each of them.
//
// A shape that found no agent stays blocked until some agent frees room, and then only that agent is looked
// at.
extension Scheduler {
  struct Head {
    var shape: ShapeIndex
    var entry: ReadyQueue.Entry
    var slot: Int
    var family: Int
    var ordinal: Int32
    var isSuspect: Bool
  }

  private enum Choice {
    case room(Int)
    case backlog(Int, work: Int64)
  }

  /// Nothing is dispatched while it holds: there is no room to write down what would become of it. What was
  /// dispatched goes on, and its ends are taken.
  public mutating func setHeld(_ isHeld: Bool, at now: Instant) {
    if self.isHeld == isHeld { return }
    self.isHeld = isHeld
    if isHeld { return }
    // What changed meanwhile was not looked at.
    changedAgents = agents.indices.map { AgentID(Int32($0)) }
    for index in ready.active { ready[index].isFresh = true }
    place(at: now)
  }

  mutating func place(at now: Instant) {
    if isHeld {
      if !changedAgents.isEmpty { changedAgents.removeAll(keepingCapacity: true) }
      return
    }
    if !apart.isEmpty && !changedAgents.isEmpty { bringBack() }
    if mayPlace(at: now) {
      while let head = nextHead() {
        let wasFresh = ready[head.shape].isFresh
        guard let choice = choose(head, amongAll: wasFresh) else {
          if head.isSuspect, mustWaitApart(head) {
            setAside(head)
            continue
          }
          ready[head.shape].isFresh = false
          ready[head.shape].isBlocked = true
          blocked.append(head)
          if wasFresh { takeBack(for: head) }
          reserveIfOvertaken(head, at: now)
          continue
        }
        dispatch(head, choice)
        noteOvertaken(by: choice, at: now)
      }
      for i in blocked.indices { ready[blocked[i].shape].isBlocked = false }
      blocked.empty()
    }
    changedAgents.empty()
  }

  /// Whether something is ready that the last look did not see, or room that it did not see.
  @inline(__always)
  private func mayPlace(at now: Instant) -> Bool {
    if ready.active.isEmpty { return false }
    if !changedAgents.isEmpty { return true }
    for index in ready.active where ready[index].isFresh { return true }
    return reservationDeadline.map { $0 <= now } ?? false
  }

  // MARK: In order

  /// The first head, in order, of the shapes that are not blocked in this pass.
  private mutating func nextHead() -> Head? {
    var best: Head?
    var i = 0
    while i < ready.active.count {
      let index = ready.active[i]
      if ready[index].isBlocked {
        i += 1
        continue
      }
      guard let head = head(of: index) else { continue }
      i += 1
      if best.map({ head.entry < $0.entry }) ?? true { best = head }
    }
    return best
  }

  /// The shape's first task that is still ready; entries that no longer mean anything are dropped on the way.
  private mutating func head(of index: ShapeIndex) -> Head? {
    while let entry = ready[index].heap.smallest {
      let f = Int(entry.family)
      if let slot = slots[entry.run], f < runs[slot].families.count {
        if isDispatchable(slot), !runs[slot].families[f].isDropped,
          runs[slot].families[f].openParents == 0,
          let ordinal = nextOrdinal(ofFamily: f, inRun: slot)
        {
          if let overtaken = ready[index].overtaken, overtaken.head != entry { forgetOvertaking(index) }
          return Head(
            shape: index, entry: entry, slot: slot, family: f, ordinal: ordinal,
            isSuspect: isSuspect(TaskIndex(runs[slot].families[f].first + ordinal), inRun: slot))
        }
        runs[slot].families[f].isQueued = false
      }
      ready.removeHead(index)
    }
    forgetOvertaking(index)
    return nil
  }

  private mutating func nextOrdinal(ofFamily f: Int, inRun slot: Int) -> Int32? {
    var requeued: Int32?
    while let ordinal = runs[slot].families[f].requeued.smallest {
      if isReady(ordinal, ofFamily: f, inRun: slot) {
        requeued = ordinal
        break
      }
      runs[slot].families[f].requeued.removeSmallest()
    }
    let count = runs[slot].families[f].count
    var cursor = runs[slot].families[f].cursor
    while cursor < count, requeued.map({ cursor < $0 }) ?? true, !isReady(cursor, ofFamily: f, inRun: slot) {
      cursor += 1
    }
    if cursor != runs[slot].families[f].cursor { runs[slot].families[f].cursor = cursor }
    if let requeued { return min(requeued, cursor) }
    return cursor < count ? cursor : nil
  }

  // MARK: Choosing

  /// Among all agents, or those that changed.
  @inline(__always)
  private func choose(_ head: Head, amongAll: Bool) -> Choice? {
    let needs = ready[head.shape].needs
    var best: (agent: Int, dent: Double)?
    for i in 0..<(amongAll ? agents.count : changedAgents.count) {
      let a = amongAll ? i : Int(changedAgents[i].value)
      guard takesWork(a), agents[a].waiting.isEmpty, isOpen(a, to: head.shape),
        !head.isSuspect || agents[a].suspects == 0, needs.fits(in: agents[a].free)
      else { continue }
      let dent = needs.largestShare(of: agents[a].free)
      if best.map({ dent < $0.dent || (dent == $0.dent && a < $0.agent) }) ?? true { best = (a, dent) }
    }
    if let best { return .room(best.agent) }
    return chooseBacklog(head, needs, amongAll: amongAll)
  }

  private func chooseBacklog(_ head: Head, _ needs: ResourceVector, amongAll: Bool) -> Choice? {
    let mean = runs[head.slot].families[head.family].meanNanoseconds
    guard !head.isSuspect, mean > 0, mean <= settings.backlogTaskLimit.nanoseconds else { return nil }
    var best: (agent: Int, waiting: Int64, work: Int64)?
    for i in 0..<(amongAll ? agents.count : changedAgents.count) {
      let a = amongAll ? i : Int(changedAgents[i].value)
      guard takesWork(a), agents[a].reservedFor == nil, needs.fits(in: agents[a].capacity) else {
        continue
      }
      // What comes first in order and would fit here must not wait behind this.
      guard !blocked.contains(where: { ready[$0.shape].needs.fits(in: agents[a].capacity) }) else { continue }
      let work = max(1, Int64(Double(mean) * needs.largestShare(of: agents[a].capacity)))
      let waiting = agents[a].waitingWork
      guard waiting + work <= settings.backlogWindow.nanoseconds,
        agents[a].waitingCount < settings.backlogTasks
      else { continue }
      if best.map({ waiting < $0.waiting || (waiting == $0.waiting && a < $0.agent) }) ?? true {
        best = (a, waiting, work)
      }
    }
    return best.map { .backlog($0.agent, work: $0.work) }
  }

  @inline(__always)
  func takesWork(_ a: Int) -> Bool {
    agents[a].session != nil && agents[a].isListed && !agents[a].hasHandedBack && agents[a].unfitness.isEmpty
      && (agents[a].state == .active || planted(.suspectGetsWork))
  }

  @inline(__always)
  private func isOpen(_ a: Int, to shape: ShapeIndex) -> Bool {
    agents[a].reservedFor == nil || agents[a].reservedFor == shape
  }

  // MARK: Dispatching

  private mutating func dispatch(_ head: Head, _ choice: Choice) {
    let a: Int
    var work: Int64 = 0
    let phase: LiveAttempt.Phase
    switch choice {
    case .room(let agent):
      a = agent
      phase = .placed
    case .backlog(let agent, let wait):
      a = agent
      phase = .waiting
      work = wait
    }
    let run = head.slot
    let task = runs[run].families[head.family].task(head.ordinal)
    let key = TaskKey(runs[run].id, task)
    let needs = ready[head.shape].needs
    let slot = attempts.insert(
      LiveAttempt(
        fence: nextFence(), key: key, number: nextNumber(of: task, inRun: run),
        family: Int32(head.family), agent: agents[a].id, needs: needs,
        lease: runs[run].families[head.family].lease, isSuspect: isSuspect(task, inRun: run), work: work,
        phase: phase, place: Int32(agents[a].attempts.count)))
    slotsByFence[attempts[slot].fence.value] = slot
    #if CARAVAN_PLANTS
      if planted(.noFence) { keysByFence[attempts[slot].fence.value] = key }
    #endif
    list(slot, of: a)
    if phase == .waiting {
      agents[a].waiting.append(slot)
      agents[a].waitingWork += work
      waitingCount += 1
    } else {
      agents[a].free -= needs
    }
    removeNext(of: head)
    runs[run].attemptIsSent(of: task)
    touch(run)
    if agents[a].reservedFor == head.shape || ready[head.shape].overtaken != nil {
      forgetOvertaking(head.shape)
    }
    effects.append(.attemptInserted(attempts[slot].record))
    effects.append(
      .start(agents[a].id, agents[a].session!, key, attempts[slot].number, attempts[slot].fence))
  }

  /// The task that was next in its family's queue is not in it any more.
  mutating func removeNext(of head: Head) {
    if runs[head.slot].families[head.family].requeued.smallest == head.ordinal {
      runs[head.slot].families[head.family].requeued.removeSmallest()
    } else {
      runs[head.slot].families[head.family].cursor = head.ordinal + 1
    }
  }

  /// Among its agent's attempts.
  mutating func list(_ slot: Int32, of a: Int) {
    agents[a].attempts.append(slot)
    if attempts[slot].isSuspect { agents[a].suspects += 1 }
    if attempts[slot].lease != .standard {
      agents[a].ownLeases += 1
      expectDeadline(of: a)
    }
  }

  @inline(__always)
  private func nextNumber(of task: TaskIndex, inRun run: Int) -> AttemptNumber {
    let last = runs[run].history(of: task).lastNumber
    return AttemptNumber(planted(.numberReused) && last > 0 ? last : last + 1)
  }

  /// What waits at agents and comes later in order than a head that just found no room is asked back where
  /// the head would fit: the room it would have taken is the head's.
  private mutating func takeBack(for head: Head) {
    let needs = ready[head.shape].needs
    for a in agents.indices where !agents[a].waiting.isEmpty && needs.fits(in: agents[a].capacity) {
      for slot in agents[a].waiting where !attempts[slot].isRevoking {
        let other = ReadyQueue.Entry(run: attempts[slot].key.run, family: attempts[slot].family)
        if head.entry < other { sendRevoke(slot) }
      }
    }
  }

  // MARK: Fairness to what is big

  /// When the earliest overtaken head will have waited long enough.
  var reservationDeadline: Instant? {
    @inline(__always) get {
      if isHeld { return nil }
      var earliest: Instant?
      for index in ready.active where ready[index].reserved == nil && !ready[index].isUnreservable {
        guard let overtaken = ready[index].overtaken else { continue }
        let due = overtaken.since + settings.overtakingLimit
        earliest = min(earliest ?? due, due)
      }
      return earliest
    }
  }

  private mutating func noteOvertaken(by choice: Choice, at now: Instant) {
    let a: Int
    switch choice {
    case .room(let agent), .backlog(let agent, _): a = agent
    }
    for i in blocked.indices where ready[blocked[i].shape].overtaken == nil {
      let head = blocked[i]
      guard ready[head.shape].needs.fits(in: agents[a].capacity) else { continue }
      ready[head.shape].overtaken = (head.entry, now)
    }
  }

  private mutating func reserveIfOvertaken(_ head: Head, at now: Instant) {
    guard ready[head.shape].reserved == nil, let overtaken = ready[head.shape].overtaken,
      now >= overtaken.since + settings.overtakingLimit
    else { return }
    let needs = ready[head.shape].needs
    var best: (agent: Int, missing: Double)?
    for a in agents.indices where takesWork(a) && agents[a].reservedFor == nil {
      guard !head.isSuspect || agents[a].suspects == 0, needs.fits(in: agents[a].capacity) else { continue }
      let missing = needs.largestLack(of: agents[a].free, relativeTo: agents[a].capacity)
      if best.map({ missing < $0.missing }) ?? true { best = (a, missing) }
    }
    ready[head.shape].isUnreservable = best == nil
    guard let best else { return }
    agents[best.agent].reservedFor = head.shape
    ready[head.shape].reserved = agents[best.agent].id
  }

  private mutating func forgetOvertaking(_ index: ShapeIndex) {
    ready[index].overtaken = nil
    ready[index].isUnreservable = false
    guard let agent = ready[index].reserved else { return }
    ready[index].reserved = nil
    agents[Int(agent.value)].reservedFor = nil
    changedAgents.append(agent)
    // Others may take its room again, whoever freed it.
    for other in ready.active { ready[other].isFresh = true }
  }

  /// Its agent went: another may be reserved.
  mutating func forgetReservation(of a: Int) {
    guard let shape = agents[a].reservedFor else { return }
    agents[a].reservedFor = nil
    ready[shape].reserved = nil
  }
}

extension ResourceVector {
  /// The largest, over all resources needed, of need / room. Infinite where there is no room.
  func largestShare(of room: ResourceVector) -> Double {
    var largest = 0.0
    for lane in 0..<lanes.scalarCount where lanes[lane] > 0 {
      largest = max(largest, Double(lanes[lane]) / Double(max(0, room.lanes[lane])))
    }
    return largest
  }

  /// The largest, over all resources needed, of what is missing, as a share of the capacity.
  func largestLack(of room: ResourceVector, relativeTo capacity: ResourceVector) -> Double {
    var largest = -Double.infinity
    for lane in 0..<lanes.scalarCount where lanes[lane] > 0 {
      largest = max(
        largest, (Double(lanes[lane]) - Double(room.lanes[lane])) / Double(max(1, capacity.lanes[lane])))
    }
    return largest
  }
}
