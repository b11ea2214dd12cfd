// Deliberate bugs, each at the line where a tired engineer would make it, so that the simulator can show that it
// finds them. They are compiled in by the condition CARAVAN_PLANTS, which only `scripts/simulate` sets; without
// it `planted` is the constant false, and nothing of a plant is left in what is built: so the enum is internal.

/// A deliberate bug in the Scheduler or in the AttemptTracker, by its name on the command line.
enum Plant: String, CaseIterable {
  // Fences and sessions.
  case noFence = "no-fence"
  case fencesBeginAnew = "fences-begin-anew"
  case oldSessionHeard = "old-session-heard"
  case numberReused = "number-reused"
  case lateSuccessCounts = "late-success-counts"
  case rebornAgentTrusted = "reborn-agent-trusted"
  // Reconnecting.
  case noResendAfterReconnect = "no-resend-after-reconnect"
  case resentWithNewFence = "resent-with-new-fence"
  case listedEndIgnored = "listed-end-ignored"
  case killNotResent = "kill-not-resent"
  case revokedAndKept = "revoked-and-kept"
  // Kills.
  case killForgottenOnLoss = "kill-forgotten-on-loss"
  case killForgottenAtRestart = "kill-forgotten-at-restart"
  case killLeavesRetry = "kill-leaves-retry"
  // Budgets.
  case oneRetryCounter = "one-retry-counter"
  case handBackCharged = "hand-back-charged"
  case silenceCountsAsDeath = "silence-counts-as-death"
  case restartKeepsBudgets = "restart-keeps-budgets"
  case historyNotWritten = "history-not-written"
  // Order.
  case barrierCountedTwice = "barrier-counted-twice"
  case barrierLeftShut = "barrier-left-shut"
  case singleEdgeIgnored = "single-edge-ignored"
  case droppedEdgesKept = "dropped-edges-kept"
  case pausedRunDispatches = "paused-run-dispatches"
  case endsWhileExpanding = "ends-while-expanding"
  case suspectGetsWork = "suspect-gets-work"
  // Retries and losses.
  case lostNotRequeued = "lost-not-requeued"
  case retryForgottenAtRestart = "retry-forgotten-at-restart"
  case retryHurriedAtRestart = "retry-hurried-at-restart"
  case staleRetryWakes = "stale-retry-wakes"
  // Leases.
  case requeuedAtTerm = "requeued-at-term"
  case leaseNotRenewedAtRestart = "lease-not-renewed-at-restart"
  case leaseFromAcknowledgement = "lease-from-acknowledgement"
  case noKillAtNinety = "no-kill-at-ninety"
  case startsLate = "starts-late"
  case waitingStartsLate = "waiting-starts-late"
  // Room.
  case roomKept = "room-kept"
  case roomGivenTwice = "room-given-twice"
  case roomIgnored = "room-ignored"

  /// What is wrong.
  var sentence: String {
    switch self {
    case .noFence: "An end counts for its task whatever its fence."
    case .fencesBeginAnew: "Fences count from 1 after each start of the coordinator."
    case .oldSessionHeard: "What an agent's earlier connection still brings is heard."
    case .numberReused: "A further attempt gets the number of the last one."
    case .lateSuccessCounts: "A late success counts though another attempt was started since."
    case .rebornAgentTrusted: "An agent that was started anew is taken for the same one."
    case .noResendAfterReconnect: "A Start that was lost with its connection is not sent again."
    case .resentWithNewFence: "A Start that waits at its agent is given out anew after a reconnect."
    case .listedEndIgnored: "An end that is told in an agent's list is not taken."
    case .killNotResent: "A kill that was said to nobody is not said again after a reconnect."
    case .revokedAndKept: "An agent gives a waiting attempt back, and keeps it."
    case .killForgottenOnLoss: "A kill is forgotten when its attempt is lost."
    case .killForgottenAtRestart: "A kill of a task is forgotten when the coordinator starts again."
    case .killLeavesRetry: "A kill of a run leaves the tasks that wait for their retry."
    case .oneRetryCounter: "Losses and failures are counted by one counter."
    case .handBackCharged: "What an agent hands back is counted as lost."
    case .silenceCountsAsDeath: "An agent's silence is counted as the death of its process."
    case .restartKeepsBudgets: "A restart of a run leaves its tasks' failures counted."
    case .historyNotWritten: "What a task's attempts cost is not written down."
    case .barrierCountedTwice: "A family that is complete opens its followers' barriers twice."
    case .barrierLeftShut:
      "A barrier whose parents are complete is counted as shut when counters are made anew."
    case .singleEdgeIgnored: "An edge to one task of a family does not hold that task back."
    case .droppedEdgesKept: "What a generator made and is dropped goes on holding back what follows it."
    case .pausedRunDispatches: "A paused run goes on dispatching."
    case .endsWhileExpanding: "A run ends while a generator's output is being expanded."
    case .suspectGetsWork: "A silent agent gets new work."
    case .lostNotRequeued: "A lost task is QUEUED and not put into the queue."
    case .retryForgottenAtRestart: "A retry is forgotten when the coordinator starts again."
    case .retryHurriedAtRestart: "A retry comes at once when the coordinator starts again."
    case .staleRetryWakes: "The timer of an earlier failure ends a later one's interval."
    case .requeuedAtTerm: "A silent agent's attempts run elsewhere when the agent itself begins to end them."
    case .leaseNotRenewedAtRestart: "A restart of the coordinator gives agents no new lease."
    case .leaseFromAcknowledgement: "An agent counts its lease from the acknowledgement of a heartbeat."
    case .noKillAtNinety: "An agent whose lease ends leaves what does not heed SIGTERM."
    case .startsLate: "An agent whose lease is ending takes Starts."
    case .waitingStartsLate: "An agent whose lease is ending starts what waits there."
    case .roomKept: "An attempt that ended keeps its room."
    case .roomGivenTwice: "An attempt that ended gives its room back twice, at its agent."
    case .roomIgnored: "An agent starts what waits whether it has room or not."
    }
  }
}

#if CARAVAN_PLANTS
  extension Plant {
    /// The one that this process runs with.
    fileprivate nonisolated(unsafe) static var switchedOn: Plant?
  }

  @inline(__always)
  func planted(_ plant: Plant) -> Bool { Plant.switchedOn == plant }

  /// For the program that lists them and switches one on.
  package enum HeartPlants {
    package static var all: [(name: String, sentence: String)] {
      Plant.allCases.map { ($0.rawValue, $0.sentence) }
    }

    /// For the whole process, before threads are made. False: there is none of that name.
    package static func switchOn(_ name: String) -> Bool {
      Plant.switchedOn = Plant(rawValue: name)
      return Plant.switchedOn != nil
    }
  }
#else
  @inline(__always)
  func planted(_ plant: Plant) -> Bool { false }
#endif
