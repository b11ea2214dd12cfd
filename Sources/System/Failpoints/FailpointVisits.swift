#if CARAVAN_FAILPOINTS

  import CSystem
  import Glibc
  import Synchronization

  extension Failpoint {
    /// The program is here.
    public func pass() {
      if fails() { FailpointVisits.refuse("\(rawValue) cannot fail") }
    }

    /// The program is here: whether something is to be refused now.
    public func fails() -> Bool { FailpointVisits.ofThisProcess.visit(self) }

    /// The program is here, and `fault` is what may be refused.
    public func pass<Fault: Error>(or fault: @autoclosure () -> Fault) throws(Fault) {
      if fails() { throw fault() }
    }
  }

  /// What happens at this process's visits, as its environment says:
  ///
  /// - `CARAVAN_FAILPOINT`: the rules (see `FailpointRule`), separated by semicolons.
  /// - `CARAVAN_FAILPOINT_SEED`: of the dice.
  /// - `CARAVAN_FAILPOINT_TRACE`: a file that gets a line for each visit: the place's name, and the action where one
  ///   follows. Appended at once, so that it tells of what SIGKILL cut short.
  final class FailpointVisits: Sendable {
    static let ofThisProcess = FailpointVisits(ProcessEnvironment.now())

    private struct State {
      var counts: [Failpoint: Int] = [:]
      var dice: SplitMix
    }

    private let rules: [Failpoint: [FailpointRule]]
    private let state: Mutex<State>
    /// -1: none is wanted.
    private let trace: Int32

    private init(_ environment: [String: String]) {
      var rules: [Failpoint: [FailpointRule]] = [:]
      for text in (environment["CARAVAN_FAILPOINT"] ?? "").split(separator: ";") {
        guard let rule = FailpointRule(text) else { Self.refuse("no rule for a failpoint: \(text)") }
        rules[rule.place, default: []].append(rule)
      }
      self.rules = rules
      state = Mutex(State(dice: SplitMix(seed: UInt64(environment["CARAVAN_FAILPOINT_SEED"] ?? "") ?? 0)))
      if let path = environment["CARAVAN_FAILPOINT_TRACE"] {
        trace = caravan_open(path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
        if trace < 0 { Self.refuse("cannot write \(path)") }
      } else {
        trace = -1
      }
    }

    /// Counts a visit and does what is due; true: the place is to fail.
    func visit(_ place: Failpoint) -> Bool {
      guard trace >= 0 || !rules.isEmpty else { return false }
      let due = state.withLock { state in
        let count = state.counts[place, default: 0] + 1
        state.counts[place] = count
        return rules[place]?.first { $0.isDue(atVisit: count, &state.dice) }
      }
      note(place, due)
      switch due?.action {
      case nil: return false
      case .fail?: return true
      case .delay(let microseconds)?:
        usleep(microseconds)
        return false
      case .kill?:
        kill(getpid(), SIGKILL)
        while true { pause() }
      }
    }

    private func note(_ place: Failpoint, _ due: FailpointRule?) {
      if trace < 0 { return }
      let line = Array("\(place.rawValue)\(due.map { " " + $0.action.name } ?? "")\n".utf8)
      // One append is one line, whatever other threads write.
      if write(trace, line, line.count) != line.count { Self.refuse("cannot write the trace of failpoints") }
    }

    /// Whoever asks for what cannot be is to see it at once.
    static func refuse(_ words: String) -> Never {
      let line = Array("failpoints: \(words)\n".utf8)
      _ = write(2, line, line.count)
      _exit(2)
    }
  }

  /// Random numbers that a seed repeats (https://prng.di.unimi.it/splitmix64.c).
  struct SplitMix: Sendable {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func isOne(in count: Int) -> Bool {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return (z ^ (z >> 31)) % UInt64(max(1, count)) == 0
    }
  }

#endif
