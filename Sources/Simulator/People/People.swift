import Protocol
import Scheduling

/// Who submits and asks, over a wire of their own.
struct People {
  struct Request {
    /// nil: a submission.
    var command: RunCommand?
    var seed: UInt32
    /// The batch that it went into is on the disk.
    var isCommitted = false
    var isRefused = false
  }

  var requests: [Request] = []

  mutating func reset() { requests.empty() }
}

extension World {
  mutating func ask(_ command: RunCommand?, seed: UInt32, after wait: Int64 = 0) {
    people.requests.append(People.Request(command: command, seed: seed))
    if isLogging { note("somebody asks: \(command.map { "\($0)" } ?? "submit")") }
    agenda.enter(
      .requestArrives, people.requests.count - 1, at: now + wait + peopleRandom.below(tempo.latency))
  }

  /// While nobody listens it fails, and who asked sees that.
  mutating func requestArrives(_ request: Int) -> Bool {
    guard coordinator.hasPower, coordinator.life == .serving else { return false }
    post(people.requests[request].command == nil ? .submit(request: request) : .command(request: request))
    return true
  }

  mutating func takeSubmission(_ request: Int, at time: Instant) {
    let id = RunID(coordinator.nextRun)
    coordinator.nextRun += 1
    var random = SeededRandom(seed, 0x5AB, UInt64(people.requests[request].seed))
    let graph = random.graph(families: 1 + random.below(4), isCrowded: tempo.isCrowded)
    if isLogging { note("run \(id) has families \(graph.words)") }
    coordinator.parts.append(
      RunParts(parts: [RunPart(firstFamily: 0, firstTask: 0, graph: graph, name: random.next())]))
    mark(.submitted(id))
    coordinator.batch.submissions.append(request)
    coordinator.scheduler.handle(.submitted(id, graph), at: time)
  }

  mutating func takeCommand(_ request: Int, at time: Instant) {
    let command = people.requests[request].command!
    if !coordinator.scheduler.knows(command.run), command.run.value < coordinator.state.runs.count {
      load(command.run, at: time)
    }
    mark(.command(request: request))
    coordinator.scheduler.handle(.commanded(CommandID(Int64(request)), command), at: time)
  }

  /// Some answers are lost on the way.
  mutating func answer(_ request: Int, isRefused: Bool) {
    people.requests[request].isRefused = isRefused
    if peopleRandom.chance(percent: 5) { return }
    agenda.enter(.answerArrives, request, at: now + peopleRandom.below(tempo.latency))
  }

  mutating func answerArrives(_ request: Int) {
    if isLogging {
      let words = people.requests[request].command.map { "\($0)" } ?? "submit"
      note("the answer to \(words): \(people.requests[request].isRefused ? "refused" : "done")")
    }
    if !people.requests[request].isRefused, !people.requests[request].isCommitted {
      oracle.violate("what was asked is answered, and not committed")
    }
  }
}

extension PlanGraph {
  var words: String {
    let families = families.enumerated().map { f, family in
      "\(f): \(family.count) of \(family.needs.milliCores / 1000) cores\(family.isGenerator ? ", generators" : ""), \(family.maxRetries) retries after \(family.retryIntervalSeconds) s"
    }
    let edges = edges.map { "\($0.parent.words) before \($0.child.words)" }
    return (families + edges).joined(separator: "; ")
  }
}

extension Endpoint {
  var words: String { ordinal.map { "\(family.value)[\($0)]" } ?? "\(family.value)" }
}
