/// All that decides what happens in one simulated world: its seed (hosts, speeds, chance in everything small)
/// and the steps done to it.
public struct History: Hashable, Sendable {
  public var seed: UInt64
  public var steps: [Step]

  public init(seed: UInt64, steps: [Step]) {
    self.seed = seed
    self.steps = steps
  }

  /// Events that a history of the usual length has, on average; measured.
  public static let usualEvents = 300
  private static let usualSteps = 15

  /// The history of that seed. `events`: about how many, on average.
  public init(seed: UInt64, events: Int = History.usualEvents) {
    var random = SeededRandom(seed, 0x57E9)
    self.seed = seed
    let mean = max(3, Self.usualSteps * events / Self.usualEvents)
    let count = mean / 2 + random.below(mean + 1)
    // In some much happens at once; in others leases end undisturbed.
    let pace: Int64 = [1, 1, 3, 8][random.below(4)]
    var time: Int64 = 1_000
    steps = []
    steps.reserveCapacity(count)
    for number in 0..<count {
      let kind: Step.Kind = number == 0 ? .submit : Self.kind(&random)
      steps.append(Step(microseconds: time, kind: kind, seed: UInt32(truncatingIfNeeded: random.next())))
      switch random.below(10) {
      case 0...3: time += random.below(50_000)
      case 4...7: time += pace * random.below(1_500_000)
      default: time += pace * random.below(7_000_000)
      }
    }
  }

  /// Of 1,000: crashes, cuts and what ends leases come often, since that is where races are.
  private static let weights: [(kind: Step.Kind, weight: Int)] = [
    (.submit, 125), (.killRun, 25), (.killTask, 40), (.pauseRun, 35), (.queueRun, 45), (.restartRun, 20),
    (.queueTask, 35),
    (.queueTaskAndBelow, 25),
    (.crashCoordinator, 115), (.stopCoordinator, 25), (.freezeCoordinator, 40), (.slowDisk, 25),
    (.coordinatorWallJump, 10),
    (.crashAgent, 90), (.stopAgent, 35), (.freezeAgent, 45), (.crashHost, 35), (.agentWallJump, 15),
    (.wipeAgent, 5), (.unfitAgent, 15), (.replaceProgram, 15),
    (.cutBothWays, 50), (.cutToCoordinator, 25), (.cutToAgent, 25), (.flappingLink, 35), (.lossyLink, 10),
    (.breakConnection, 35),
  ]
  private static let kinds: [Step.Kind] = weights.flatMap { Array(repeating: $0.kind, count: $0.weight / 5) }

  private static func kind(_ random: inout SeededRandom) -> Step.Kind { kinds[random.below(kinds.count)] }
}
