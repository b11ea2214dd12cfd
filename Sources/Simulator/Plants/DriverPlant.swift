import Scheduling

// Deliberate bugs that live in the order in which a driver writes, sends and makes; those of the Scheduler and
// the AttemptTracker are in `Scheduling` (`Plant`). Compiled in by CARAVAN_PLANTS, as those are.

/// A deliberate bug of a driver, by its name on the command line.
enum DriverPlant: String, CaseIterable {
  case ackBeforeCommit = "ack-before-commit"
  case dispatchBeforeCommit = "dispatch-before-commit"
  case answerBeforeCommit = "answer-before-commit"
  case partialBatch = "partial-batch"
  case helloBeforeSweep = "hello-before-sweep"
  case spoolUnread = "spool-unread"
  case goodbyeIsEnough = "goodbye-is-enough"
  case endBeforeOutput = "end-before-output"
  case bootIDIgnored = "boot-id-ignored"
  case wallClockLease = "wall-clock-lease"
  case linkIdle = "link-idle"
  case takeoverForgets = "takeover-forgets"

  /// What is wrong.
  var sentence: String {
    switch self {
    case .ackBeforeCommit: "The coordinator acknowledges an end before the end is committed."
    case .dispatchBeforeCommit: "The coordinator sends a Start before its attempt is committed."
    case .answerBeforeCommit: "The coordinator answers people before what they asked for is committed."
    case .partialBatch: "A crash in the middle of a commit keeps a part of the batch."
    case .helloBeforeSweep: "An agent says hello before it has ended what its earlier start left running."
    case .spoolUnread: "An agent that is started anew does not hand in the ends that its spool holds."
    case .goodbyeIsEnough:
      "An agent that leaves takes the connection's end for the acknowledgement of all that it said."
    case .endBeforeOutput: "An agent sends an attempt's end before the last of its output."
    case .bootIDIgnored: "An agent's incarnation is told without the host's boot."
    case .wallClockLease: "An agent counts its lease on the wall clock."
    case .linkIdle: "An agent's other process ends nothing of a process that was stopped past its lease."
    case .takeoverForgets: "A program that takes over does not know what the one before it had begun."
    }
  }
}

#if CARAVAN_PLANTS
  extension DriverPlant {
    /// The one that this process runs with.
    fileprivate nonisolated(unsafe) static var switchedOn: DriverPlant?
  }

  @inline(__always)
  func planted(_ plant: DriverPlant) -> Bool { DriverPlant.switchedOn == plant }
#else
  @inline(__always)
  func planted(_ plant: DriverPlant) -> Bool { false }
#endif

/// What `--list-plants` lists and `--plant` switches on.
public enum PlantList {
  #if CARAVAN_PLANTS
    public static var all: [(name: String, sentence: String)] {
      DriverPlant.allCases.map { ($0.rawValue, $0.sentence) } + HeartPlants.all
    }

    /// For the whole process, before threads are made. False: there is none of that name.
    public static func switchOn(_ name: String) -> Bool {
      DriverPlant.switchedOn = DriverPlant(rawValue: name)
      return DriverPlant.switchedOn != nil || HeartPlants.switchOn(name)
    }
  #else
    public static var all: [(name: String, sentence: String)] { [] }
    public static func switchOn(_ name: String) -> Bool { false }
  #endif
}
