import Protocol
import Scheduling

/// What a spool says of one attempt that is not acknowledged.
struct SpooledAttempt {
  /// nil: no end was seen.
  var result: AttemptResult?
  /// What it printed that is to be sent before its end, as far as no file holds it.
  var output: [OutputStream: KeptPiece] = [:]
}

extension [Fence: SpooledAttempt] {
  /// One line after the other: so it is what the next start has to know.
  mutating func take(_ line: SpoolLine) {
    switch line {
    case .header: break
    case .record(.started(let fence)): self[fence] = SpooledAttempt()
    case .record(.ended(let fence, let result)): self[fence, default: SpooledAttempt()].result = result
    case .record(.acknowledged(let fence)): self[fence] = nil
    case .output(let fence, let stream, let piece):
      self[fence, default: SpooledAttempt()].output[stream] = piece
    }
  }
}
