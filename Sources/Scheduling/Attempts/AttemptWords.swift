public import Protocol

/// What an agent says of an end, for people.
extension AttemptResult {
  init(_ end: ProcessEnd, of running: HeldAttempt.Running) {
    let rc: Int32
    var kind = Kind.exited
    var stopped: Stop?
    var words = ""
    if let stopping = running.stopping {
      switch stopping.cause {
      case .killed(let reason):
        stopped = .killed
        words = reason.isEmpty ? "killed" : "killed: \(reason)"
      case .timeLimit:
        kind = .timeLimit
        words = "time limit of \(running.job.timeoutSeconds) s exceeded"
      case .memoryLimit: kind = .memoryLimit
      case .leaseExpired:
        kind = .leaseExpired
        words = "ended because the coordinator was not heard from and the lease ran out"
      case .shutdown:
        stopped = .agentStops
        words = "ended because the agent stops"
      }
    }
    if running.stopping == nil && end.isOverMemory { kind = .memoryLimit }
    if kind == .memoryLimit { words = "memory limit of \(running.job.needs.memoryMB) MB exceeded" }
    switch end.how {
    case .exit(let code):
      rc = code
      if running.stopping != nil { words += "; ended with exit code \(code) after SIGTERM" }
    case .signal(let number):
      rc = 128 + number
      words += (words.isEmpty ? "" : "; ") + "ended by \(SignalName.words(number))"
    }
    if !end.remark.isEmpty { words += (words.isEmpty ? "" : "; ") + end.remark }
    self.init(
      kind: kind, rc: rc, start: running.start, stop: end.stop, words: words,
      cpuMicroseconds: end.cpuMicroseconds, peakMemoryKB: end.peakMemoryKB, stdoutBytes: end.stdoutBytes,
      stderrBytes: end.stderrBytes, stopped: stopped)
    if !end.lostOutput.isEmpty { tell(lostOutput: end.lostOutput) }
  }

  /// Adds to the words that output could not be kept, and why.
  public mutating func tell(lostOutput why: String) {
    if !words.isEmpty { words += "; " }
    words += "output was lost: \(why)"
  }
}
