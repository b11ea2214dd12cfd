import Protocol
import Simulator

/// The flags of `caravan-sim`.
enum SimulatorCommandLine {
  struct Campaign: Sendable {
    var seed: UInt64 = 0
    var count: UInt64 = 1000
    var events = History.usualEvents
    var check = World.Check.kept
    var jobs = 1
    var shrinksAll = false
    var plant: String?
  }

  enum Wish {
    case help
    case listPlants
    case simulate(Campaign)
    case replay(History, World.Check)

    var carriedOut: SimulatorProgram.Exit {
      switch self {
      case .help:
        print(SimulatorCommandLine.help)
        return .fine
      case .listPlants:
        for plant in PlantList.all { print("\(plant.name)\t\(plant.sentence)") }
        return .fine
      case .simulate(let campaign): return SimulatorProgram.simulate(campaign)
      case .replay(let history, let check): return SimulatorProgram.replay(history, check)
      }
    }
  }

  private static let mostJobs: Int64 = 64

  private static let parser = FlagParser([
    Flag("seed", "S", help: "the first history's seed (default: 0)"),
    Flag("count", "N", help: "how many histories (default: 1000, with --log 1)"),
    Flag("events", "E", help: "about how many events each has (default: \(History.usualEvents))"),
    Flag(
      "check", "HOW",
      help: "kept: recompute everything at each commit, crash and end (default); full: after each event"),
    Flag("jobs", "J", help: "threads (default: 1)"),
    Flag(
      "shrink",
      help: "look for the shortest log of each failing history, not only of the first (with --plant: of none)"
    ),
    Flag("log", help: "print what happens in the history of --seed"),
    Flag("replay", "TEXT", help: "print what happens in the history that a failing one was shrunk to"),
    Flag("list-plants", help: "name the deliberate bugs that --plant switches on"),
    Flag("plant", "NAME", help: "switch that deliberate bug on, so that it can be seen to be found"),
    Flag("help", help: "say this"),
  ])

  private static var help: String {
    ([
      "usage: caravan-sim [flags]",
      "Simulates histories of crashes, cuts and commands around the real Scheduler and AttemptTracker.",
      "Exit code 0: every promise held; 1: one was broken; 64: wrong flags.", "",
    ]
      + parser.help).joined(separator: "\n")
  }

  /// `words`: without the program's name.
  static func wish(_ words: [String]) throws(FlagFault) -> Wish {
    let flags = try parser.parse(words)
    if flags.has("help") { return .help }
    try flags.expectNoArguments()
    if flags.has("list-plants") || flags.has("plant") { try expectPlants() }
    if flags.has("list-plants") { return .listPlants }
    let plant = flags.value("plant")
    if let plant, !PlantList.switchOn(plant) {
      throw FlagFault("there is no plant '\(plant)'; --list-plants names them")
    }
    let check = try check(flags.value("check"))
    if let text = flags.value("replay") {
      guard let history = History(text: text) else {
        throw FlagFault("--replay takes a line as a failing history prints it: 'SEED: TIME STEP SEED, …'")
      }
      return .replay(history, check)
    }
    var campaign = Campaign()
    campaign.seed = UInt64(try flags.integer("seed", in: 0...Int64.max / 2) ?? 0)
    campaign.events = Int(try flags.integer("events", in: 20...20_000) ?? Int64(History.usualEvents))
    if flags.has("log") {
      return .replay(History(seed: campaign.seed, events: campaign.events), check)
    }
    campaign.count = UInt64(try flags.integer("count", in: 1...1_000_000_000) ?? 1000)
    campaign.check = check
    campaign.jobs = Int(try flags.integer("jobs", in: 1...mostJobs) ?? 1)
    campaign.shrinksAll = flags.has("shrink")
    campaign.plant = plant
    return .simulate(campaign)
  }

  private static func expectPlants() throws(FlagFault) {
    if PlantList.all.isEmpty {
      throw FlagFault("there are no plants in this build; scripts/simulate makes one that has them")
    }
  }

  private static func check(_ text: String?) throws(FlagFault) -> World.Check {
    switch text {
    case nil, "kept": .kept
    case "full": .full
    case let other?: throw FlagFault("--check is kept or full, not '\(other)'")
    }
  }
}
