import Glibc
import Protocol
import Simulator
import Synchronization
import System

/// The program `caravan-sim`.
enum SimulatorProgram {
  enum Exit: Int32 {
    case fine = 0
    case violated = 1
    case wrongFlags = 64
  }

  /// Violations after which no more histories are begun; of a deliberate bug one is enough.
  private static let mostViolations = 10
  /// Histories that a thread takes at once.
  private static let share: UInt64 = 500
  private static let progressTime = Period.seconds(10)

  static func run(_ words: [String]) -> Int32 {
    do throws(FlagFault) {
      return try SimulatorCommandLine.wish(words).carriedOut.rawValue
    } catch {
      say("caravan-sim: \(error.message)")
      return Exit.wrongFlags.rawValue
    }
  }

  static func say(_ line: String) { write(line, to: 2) }

  /// At once, whatever comes after.
  private static func write(_ line: String, to descriptor: Int32) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
  }

  // MARK: Many

  static func simulate(_ wanted: SimulatorCommandLine.Campaign) -> Exit {
    Trap.watch()
    let began = Instant.now()
    let mostViolations = wanted.plant == nil ? mostViolations : 1
    let next = Mutex(wanted.seed)
    let found = Mutex((figures: Figures(), said: Instant.now()))
    let threads = (0..<wanted.jobs).map { number in
      Thread(name: "histories \(number)") {
        var world = World(check: wanted.check)
        while let seeds = take(next, until: wanted.seed + wanted.count) {
          var figures = Figures()
          for seed in seeds {
            Trap.note(seed, thread: number)
            figures.add(world.run(History(seed: seed, events: wanted.events)), seed: seed)
          }
          let isEnough = found.withLock { found in
            found.figures.add(figures)
            if Instant.now() - found.said > progressTime {
              found.said = .now()
              say(
                "\(found.figures.histories) of \(wanted.count) histories, \(found.figures.violations) violations"
              )
            }
            return found.figures.violations >= mostViolations
          }
          if isEnough { return }
        }
      }
    }
    for thread in threads { thread.join() }
    let seconds = Double((Instant.now() - began).nanoseconds) / 1e9
    let figures = found.withLock { $0.figures }
    report(figures, wanted)
    print(figures.text(from: wanted.seed, seconds: seconds))
    return figures.violations == 0 ? .fine : .violated
  }

  private static func take(_ next: borrowing Mutex<UInt64>, until end: UInt64) -> Range<UInt64>? {
    next.withLock { next in
      if next >= end { return nil }
      let first = next
      next = min(end, first + share)
      return first..<next
    }
  }

  /// The first failures, and of the first one (or all, or none of a deliberate bug's) the shortest log that is found.
  private static func report(_ figures: Figures, _ wanted: SimulatorCommandLine.Campaign) {
    for failure in figures.failures { print("seed \(failure.seed): \(failure.words)") }
    let shown = wanted.shrinksAll ? figures.failures.count : wanted.plant == nil ? 1 : 0
    for failure in figures.failures.prefix(shown) {
      var world = World(check: wanted.check)
      let shortest = History(seed: failure.seed, events: wanted.events).shortest {
        world.run($0).violation != nil
      }
      print("\nThe shortest history found from seed \(failure.seed):")
      var logging = World(check: wanted.check, isLogging: true)
      for line in logging.run(shortest).log { print(line) }
      let plant = wanted.plant.map { "--plant \($0) " } ?? ""
      print("Again: caravan-sim \(plant)--replay '\(shortest.text)'\n")
    }
  }

  // MARK: One

  /// Printed as it happens: where the code traps, what led there stands already.
  static func replay(_ history: History, _ check: World.Check) -> Exit {
    var world = World(check: check) { write($0, to: 1) }
    let outcome = world.run(history)
    write("\(outcome.events) events, \(outcome.violation ?? "no violation")", to: 1)
    return outcome.violation == nil ? .fine : .violated
  }
}
