import Glibc
import Protocol
import Scheduling
import System
import Transport

/// What a handover needs to know of this start.
struct HandoverPlan {
  let path: String?
  let flags: [String]
  let incarnation: Incarnation
  let lock: Int32
  /// It waits for what ended to be gone, and for what was started to have begun; after so long it says so.
  fileprivate static let pace = Period.milliseconds(20)
  fileprivate static let patience = Period.seconds(5)

  init(_ directory: borrowing AgentDirectory, flags: [String]) {
    path = Handover.ownPath()
    self.flags = flags
    incarnation = directory.incarnation
    lock = directory.lock.raw
  }
}

// SIGHUP: the program is replaced by the one that stands at its path now.
extension AgentRuntime {
  /// `asked`: when; `isWaitSaid`: that it is waited.
  func handOver(asked: Instant = .now(), isWaitSaid: Bool = false) {
    if isLeaving { return }
    if runner.isStuck { return Say.line("no new program takes over while something does not die") }
    // What has ended is to be gone first, and what was started to have begun: that takes no longer than it does.
    if runner.isSettling {
      let isLate = .now() >= asked + HandoverPlan.patience
      if isLate && !isWaitSaid { Say.line("a new program takes over once \(runner.unsettledWords)") }
      loop.schedule(at: .now() + HandoverPlan.pace) { [weak self] in
        self?.handOver(asked: asked, isWaitSaid: isLate)
      }
      return
    }
    guard let path = handover.path else {
      return Say.line("it is not known where this program is: it goes on")
    }
    if let fault = Handover.fault(of: path) { return Say.line("no new program takes over: \(fault)") }
    link.drop()
    spool.flush()
    let failure = Handover.execute(
      path, flags: handover.flags, state: state(), descriptors: runner.descriptors + [handover.lock])
    Say.line("no new program takes over: \(failure.message)")
    link.start()
  }

  private func state() -> [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("directoryID", handover.incarnation.directoryID)
      writer.member("startNumber", handover.incarnation.startNumber)
      writer.member("lock", handover.lock)
      writer.member("tracker") { tracker.handOver(to: &$0) }
      writer.member("runner") { runner.handOver(to: &$0) }
      writer.member("output") { pump.handOver(to: &$0) }
      writer.name("spool")
      writer.string(lossy: spool.handOver())
    }
    return writer.take()
  }

  func takeOver(_ takeover: Takeover, _ settings: AgentSettings) throws(SystemError) {
    try takeover.read("tracker") { (reader) throws(JSONFault) in
      tracker = try AttemptTracker(.init(capacity: settings.capacity), takingOver: &reader)
    }
    try takeover.read("output") { (reader) throws(JSONFault) in try pump.takeOver(&reader) }
    try takeover.read("runner") { (reader) throws(JSONFault) in try runner.takeOver(&reader) }
    Failpoint.takeoverAfter.pass()
    Say.line("\(AgentSettings.software) took over, pid \(getpid()): \(tracker.runningCount) attempts go on")
    // Whatever was due or ended meanwhile.
    runner.reap()
    tell(.timer)
  }
}
