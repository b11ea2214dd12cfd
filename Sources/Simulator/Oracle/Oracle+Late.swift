import Protocol
import Scheduling

// What comes of attempts that were taken for lost since their agent was silent.
extension Oracle {
  /// A result that came late, or the end of waiting for one.
  mutating func takeLate(_ record: AttemptRecord, _ index: Int, _ host: inout CoordinatorHost) {
    if !attempts[index].isAwaited {
      violate("\(words(index)) was lost for good, and becomes \(record.state)")
    }
    if record.isAwaited { violate("\(words(index)) is awaited twice") }
    attempts[index].isAwaited = false
    let reason = reasonNotToAccept(index)
    switch record.state {
    case .lost:
      if reason == nil, record.words.contains(Self.refused) {
        violate("\(words(index)) ended well, nothing else of its task was sent since, and it counts as lost")
      }
    case .completed:
      if let reason { return violate("\(words(index)) came late, and is COMPLETED though \(reason)") }
      accept(index, &host)
    default: violate("\(words(index)) was lost, and becomes \(record.state)")
    }
  }

  /// How the Scheduler says that a success came late and changes nothing.
  private static let refused = "its result came late (rc 0)"

  private func reasonNotToAccept(_ index: Int) -> String? {
    let attempt = attempts[index]
    let r = Int(attempt.run)
    let t = Int(attempt.task)
    let task = runs[r].tasks[t]
    if !attempt.hasEnded || attempt.how != .exit(code: 0) || attempt.cause != .none {
      return "it did not end well"
    }
    if task.lastNumber != attempt.number || task.live >= 0 { return "another attempt was sent since" }
    if runs[r].isKillRequested || runs[r].state.isFinal { return "its run is killed or over" }
    if task.state != .queued { return "its task is \(task.state)" }
    if isDropped(t, inRun: r) { return "its task is dropped" }
    if !allParents(of: t, inRun: r, { isCompleted($0, inRun: r) }) { return "what it follows runs again" }
    return nil
  }

  private mutating func accept(_ index: Int, _ host: inout CoordinatorHost) {
    let r = Int(attempts[index].run)
    let t = Int(attempts[index].task)
    attempts[index].row = .ended(.completed)
    checkSuccess(index, &host)
    runs[r].tasks[t].lost -= 1
    runs[r].tasks[t].deaths = 0
    if runs[r].families[Int(runs[r].tasks[t].family)].isGenerator {
      setState(.running, of: t, inRun: r)
      runs[r].tasks[t].isExpanding = true
    } else {
      setState(.completed, of: t, inRun: r)
    }
  }
}
