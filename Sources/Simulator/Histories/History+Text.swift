// A history in one line, for a test to hold: `SEED: MICROSECONDS KIND SEED, …`, steps' seeds in hexadecimal.
extension History {
  public var text: String {
    let steps = steps.map { step in
      "\(step.microseconds) \(step.kind.rawValue) \(String(step.seed, radix: 16))"
    }
    return "\(seed): " + steps.joined(separator: ", ")
  }

  /// nil: it is none.
  public init?(text: String) {
    let halves = text.split(separator: ":", maxSplits: 1)
    guard halves.count == 2, let seed = UInt64(halves[0]) else { return nil }
    var steps: [Step] = []
    for part in halves[1].split(separator: ",") {
      let words = part.split(separator: " ")
      guard words.count == 3, let time = Int64(words[0]), time >= 0,
        let kind = Step.Kind(rawValue: String(words[1])), let own = UInt32(words[2], radix: 16)
      else { return nil }
      steps.append(Step(microseconds: time, kind: kind, seed: own))
    }
    self.init(seed: seed, steps: steps)
  }
}
