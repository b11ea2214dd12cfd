/// What is to happen, by time; what is due at the same moment happens in the order in which it was entered.
///
/// A binary heap of plain values: a history is a few hundred of them, and a million histories are simulated.
struct Agenda {
  struct Entry {
    var time: Int64
    var sequence: UInt32
    var kind: Kind
    /// What it is about: an agent, a connection, a step, a request.
    var subject: Int32
    /// Tells entries that mean nothing any more: a process's number, an agent's or coordinator's life.
    var generation: Int32

    @inline(__always)
    func isBefore(_ other: Entry) -> Bool {
      time != other.time ? time < other.time : sequence < other.sequence
    }
  }

  enum Kind: UInt8 {
    case step, heal, paused, overlapAudit
    case arrivesAtCoordinator, arrivesAtAgent, linkHeals
    case dialAnswered, dialAgain, helloAnswerDue, helloDue, farewellDue
    case agentTimer, agentSpeaks, agentStarts, agentIsSwept, agentContinues
    case processPrints, processEnds
    case coordinatorStarts, coordinatorContinues, engineDue, engineRested, committed, logsCommitted, expanded
    case requestArrives, answerArrives
  }

  private var items: [Entry] = []
  private var sequence: UInt32 = 0

  mutating func removeAll() {
    items.removeAll(keepingCapacity: true)
    sequence = 0
  }

  mutating func enter(_ kind: Kind, _ subject: Int, at time: Int64, generation: Int32 = 0) {
    sequence += 1
    items.append(
      Entry(time: time, sequence: sequence, kind: kind, subject: Int32(subject), generation: generation))
    items.withUnsafeMutableBufferPointer { items in
      var child = items.count - 1
      let entry = items[child]
      while child > 0 {
        let parent = (child - 1) >> 1
        if items[parent].isBefore(entry) { break }
        items[child] = items[parent]
        child = parent
      }
      items[child] = entry
    }
  }

  mutating func removeFirst() -> Entry? {
    guard let last = items.popLast() else { return nil }
    if items.isEmpty { return last }
    return items.withUnsafeMutableBufferPointer { items in
      let first = items[0]
      var parent = 0
      while true {
        var child = 2 * parent + 1
        if child >= items.count { break }
        if child + 1 < items.count, items[child + 1].isBefore(items[child]) { child += 1 }
        if last.isBefore(items[child]) { break }
        items[parent] = items[child]
        parent = child
      }
      items[parent] = last
      return first
    }
  }
}
