import Protocol
import Scheduling

/// What a spool says of one attempt that is not acknowledged.
struct SpooledAttempt {
  var lease = TaskLease.standard
  /// nil: no end was seen.
  var result: AttemptResult?
  /// What it printed that is to be sent before its end, as far as no file holds it.
  var output: [OutputStream: KeptPiece] = [:]
}

extension AttemptResult {
  /// Of what had no end when its agent's process died.
  static let lost = AttemptResult(
    kind: .lost, rc: -1, start: .none, stop: .none, words: "the agent's process died while it ran")
}

extension [Fence: SpooledAttempt] {
  /// A spool file, as far as it was written under that boot.
  mutating func read(_ bytes: [UInt8], _ bootID: String) {
    var isCurrent = false
    for text in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let line = SpoolLine(text) else { continue }
      if case .header(let id) = line { isCurrent = id == bootID }
      if isCurrent { take(line) }
    }
  }

  /// One line after the other: so it is what the next start has to know.
  mutating func take(_ line: SpoolLine) {
    switch line {
    case .header: break
    case .record(.started(let fence, let lease)): self[fence] = SpooledAttempt(lease: lease)
    case .record(.ended(let fence, let result)): self[fence, default: SpooledAttempt()].result = result
    case .record(.acknowledged(let fence)): self[fence] = nil
    case .output(let fence, let stream, let piece):
      self[fence, default: SpooledAttempt()].output[stream] = piece
    }
  }
}
