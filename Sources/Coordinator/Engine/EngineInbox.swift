import Protocol
import Scheduling

/// What waits for the Engine.
struct EngineInbox {
  private(set) var inputs: [EngineInput] = []
  /// Attempts of which an agent says, among them, that they have started.
  private var starts = 0
  /// While the Engine rests: so many starts end that.
  var startsAwaited: Int?
  var isStopping = false

  /// Whether it is to be woken for this.
  mutating func append(_ input: EngineInput) -> Bool {
    inputs.append(input)
    if case .said(_, let messages) = input {
      for message in messages { if case .started = message { starts += 1 } }
    }
    return isRestOver
  }

  var isRestOver: Bool { isStopping || starts >= startsAwaited ?? 0 }

  mutating func take() -> [EngineInput] {
    defer {
      inputs = []
      starts = 0
    }
    return inputs
  }
}
