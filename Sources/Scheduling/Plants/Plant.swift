// Deliberate bugs, each at the line where a tired engineer would make it, so that the simulator can show that it
// finds them. They are compiled in by the condition CARAVAN_PLANTS, which only `scripts/simulate` sets; without
// it `planted` is the constant false and nothing of a plant is left in what is built.

/// A deliberate bug, by its name on the command line.
package enum Plant: String, CaseIterable, Sendable {
  // In the order in which a driver writes, sends and makes.
  case ackBeforeCommit = "ack-before-commit"
  case dispatchBeforeCommit = "dispatch-before-commit"
  case answerBeforeCommit = "answer-before-commit"
  case partialBatch = "partial-batch"
  case helloBeforeSweep = "hello-before-sweep"
  case spoolAfterFork = "spool-after-fork"
  case endBeforeOutput = "end-before-output"
  case bootIDIgnored = "boot-id-ignored"
  case wallClockLease = "wall-clock-lease"
  case noResendAfterReconnect = "no-resend-after-reconnect"

  /// What is wrong.
  package var sentence: String {
    switch self {
    case .ackBeforeCommit: "The coordinator acknowledges an end before the end is committed."
    case .dispatchBeforeCommit: "The coordinator sends a Start before its attempt is committed."
    case .answerBeforeCommit: "The coordinator answers people before what they asked for is committed."
    case .partialBatch: "A crash in the middle of a commit keeps a part of the batch."
    case .helloBeforeSweep: "An agent says hello before it has ended what its earlier start left running."
    case .spoolAfterFork: "An agent writes an attempt to its spool only after it made the process."
    case .endBeforeOutput: "An agent sends an attempt's end before the last of its output."
    case .bootIDIgnored: "An agent's incarnation is told without the host's boot."
    case .wallClockLease: "An agent counts its lease on the wall clock."
    case .noResendAfterReconnect: "A Start that was lost with its connection is not sent again."
    }
  }
}

#if CARAVAN_PLANTS
  extension Plant {
    /// The one that this process runs with. Set once, before threads are made.
    package nonisolated(unsafe) static var switchedOn: Plant?
    /// Those that can be switched on.
    package static var available: [Plant] { allCases }
  }

  @inline(__always)
  package func planted(_ plant: Plant) -> Bool { Plant.switchedOn == plant }
#else
  extension Plant {
    package static var available: [Plant] { [] }
  }

  @inline(__always)
  package func planted(_ plant: Plant) -> Bool { false }
#endif
