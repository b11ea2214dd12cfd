import Protocol
import Scheduling
import System

/// Expands generators' output on a thread of its own: up to 64 MiB of JSON have no place inside a batch.
final class Expansion: Sendable {
  /// Bytes of output that a generator may print.
  static let outputBytes = 64 << 20

  struct Question: Sendable {
    var key: TaskKey
    var fence: Fence
    var layout: RunLayout
  }

  struct Answer: Sendable {
    var question: Question
    var outcome: Outcome
    enum Outcome: Sendable {
      case plan(RunPlan)
      /// The faults, in words.
      case refused(String)
    }
  }

  private struct Queue {
    var questions: [Question] = []
    var isStopping = false
  }

  private let queue = Monitor(Queue())
  private let thread: Thread

  init(logs: AttemptLogs, limits: ExpansionLimits, answer: @escaping @Sendable (Answer) -> Void) {
    let queue = queue
    thread = Thread(name: "expansion") {
      while true {
        let questions = queue.wait(
          until: { !$0.questions.isEmpty || $0.isStopping },
          { queue in
            defer { queue.questions = [] }
            return queue.isStopping ? nil : queue.questions
          })
        guard let questions else { return }
        for question in questions {
          let outcome = Self.expand(question, logs: logs, limits: limits)
          Failpoint.generatorExpandAfter.pass()
          answer(Answer(question: question, outcome: outcome))
        }
      }
    }
  }

  func ask(_ question: Question) { queue.signal { $0.questions.append(question) } }

  func stop() {
    queue.signal { $0.isStopping = true }
    thread.join()
  }
}

extension Expansion {
  fileprivate static func expand(_ question: Question, logs: AttemptLogs, limits: ExpansionLimits)
    -> Answer.Outcome
  {
    let text: [UInt8]
    do throws(StoreFault) {
      try Failpoint.generatorReadBefore.pass(or: StoreFault(.injectedInputOutput, doing: "reading logs.db"))
      switch try logs.reader.whole(question.fence, .stdout, limit: outputBytes) {
      case .bytes(let bytes): text = bytes
      case .tooLong(let bytes):
        return .refused("the generator printed \(bytes) bytes, more than the \(outputBytes) that are taken")
      case .cut: return .refused("what the generator printed was cut at its agent")
      }
    } catch {
      return .refused("what the generator printed cannot be read: \(error.message)")
    }
    switch RunPlan.check(generated: text, by: question.key.task, joining: question.layout, limits: limits) {
    case .plan(let plan): return .plan(plan)
    case .notADocument(let fault): return .refused(words([fault], text))
    case .faults(let faults, _): return .refused(words(faults, text))
    case .tooLarge(let large): return .refused(words([large.fault], text))
    }
  }

  /// The same list of faults that a submission gets, a line each.
  static func words(_ faults: [Fault], _ text: [UInt8]) -> String {
    let lines = text.withUnsafeBufferPointer { text in
      faults.map { fault in
        let place = TextPosition(ofOffset: fault.offset, in: text)
        let hint = fault.hint.map { " (\($0))" } ?? ""
        let path = fault.path.isEmpty ? "" : "\(fault.path): "
        return "\(place.line):\(place.column): \(path)\(fault.message)\(hint)"
      }
    }
    return "what the generator printed does not hold:\n" + lines.joined(separator: "\n")
  }
}
