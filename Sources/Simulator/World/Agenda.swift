/// What is to happen, by time; what is due at the same moment happens in the order in which it was entered.
///
/// A list that is kept in order, the next at its end: most of what is entered happens before most of what waits, so
/// it finds its place in a few steps, and what comes next is just taken. (A heap moves each entry up and down.)
struct Agenda: ~Copyable {
  struct Entry {
    var time: Int64
    /// What it is about: an agent, a connection, a step, a request.
    var subject: Int32
    /// Tells entries that mean nothing any more: a process's number, an agent's or coordinator's life.
    var generation: Int32
    var kind: Kind
  }

  enum Kind: UInt8 {
    case step, heal, paused, overlapAudit, killAudit
    case arrivesAtCoordinator, arrivesAtAgent, linkFlaps, linkHeals
    case dialAnswered, dialAgain, helloAnswerDue, helloDue, farewellDue
    case agentTimer, agentSpeaks, agentStarts, agentIsSwept, agentContinues, linkGuards
    case processPrints, processEnds
    case coordinatorStarts, coordinatorContinues, engineDue, engineRested, committed, logsCommitted, expanded
    case requestArrives, answerArrives
  }

  private var items = Kept<Entry>(capacity: 64)

  mutating func removeAll() { items.empty() }

  mutating func enter(_ kind: Kind, _ subject: Int, at time: Int64, generation: Int32 = 0) {
    let entry = Entry(time: time, subject: Int32(subject), generation: generation, kind: kind)
    var place = items.add { entry }
    while place > 0, items[place - 1].time <= time {
      items[place] = items[place - 1]
      place -= 1
    }
    items[place] = entry
  }

  mutating func removeFirst() -> Entry? { items.popLast() }
}
