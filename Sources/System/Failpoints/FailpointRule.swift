#if CARAVAN_FAILPOINTS

  /// What is to happen at a place, and at which of its visits: `NAME=ACTION`, `NAME=ACTION@3` (at the third visit) or
  /// `NAME=ACTION%20` (at one visit in 20, by the dice). Actions: `kill` (SIGKILL to this process), `fail` (what may be
  /// refused there is), `delay:50ms`.
  struct FailpointRule: Sendable {
    enum Action: Sendable {
      case kill
      case fail
      case delay(microseconds: UInt32)

      var name: String {
        switch self {
        case .kill: "kill"
        case .fail: "fail"
        case .delay: "delay"
        }
      }
    }

    enum Visits: Sendable {
      case each
      case number(Int)
      case oneIn(Int)
    }

    var place: Failpoint
    var action: Action
    var visits: Visits

    /// nil: it is no rule.
    init?(_ text: Substring) {
      let sides = text.split(separator: "=")
      guard sides.count == 2, let place = Failpoint(rawValue: String(sides[0])) else { return nil }
      self.place = place
      let words = sides[1].split(whereSeparator: { $0 == "@" || $0 == "%" })
      guard let action = words.first.flatMap(Self.action) else { return nil }
      self.action = action
      switch words.count {
      case 1: visits = .each
      case 2:
        guard let number = Int(words[1]), number > 0 else { return nil }
        visits = sides[1].contains("@") ? .number(number) : .oneIn(number)
      default: return nil
      }
    }

    private static func action(_ text: Substring) -> Action? {
      switch text {
      case "kill": return .kill
      case "fail": return .fail
      default:
        guard text.hasPrefix("delay:"), text.hasSuffix("ms"),
          let milliseconds = UInt32(text.dropFirst(6).dropLast(2)), milliseconds <= 10_000
        else { return nil }
        return .delay(microseconds: milliseconds * 1000)
      }
    }

    func isDue(atVisit count: Int, _ dice: inout SplitMix) -> Bool {
      switch visits {
      case .each: true
      case .number(let number): count == number
      case .oneIn(let number): dice.isOne(in: number)
      }
    }
  }

#endif
