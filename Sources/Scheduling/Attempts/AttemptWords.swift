public import Protocol

/// What an agent says of an end, for people.
extension AttemptResult {
  init(_ end: ProcessEnd, of running: HeldAttempt.Running) {
    let rc: Int32
    var sentences: [String] = []
    var kind = Kind.exited
    var stopped: Stop?
    if let stopping = running.stopping {
      switch stopping.cause {
      case .killed(let reason):
        stopped = .killed
        sentences.append(reason.isEmpty ? "killed" : "killed: \(reason)")
      case .timeLimit:
        kind = .timeLimit
        sentences.append("time limit of \(running.timeoutSeconds) s exceeded")
      case .leaseExpired:
        kind = .leaseExpired
        sentences.append("ended because the coordinator was not heard from and the lease ran out")
      case .shutdown:
        stopped = .agentStops
        sentences.append("ended because the agent stops")
      }
    }
    switch end.how {
    case .exit(let code):
      rc = code
      if running.stopping != nil { sentences.append("ended with exit code \(code) after SIGTERM") }
    case .signal(let number):
      rc = 128 + number
      sentences.append("ended by \(SignalName.words(number))")
    }
    self.init(
      kind: kind, rc: rc, start: running.start, stop: end.stop, words: sentences.joined(separator: "; "),
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
