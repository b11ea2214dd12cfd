import Protocol
import System

/// Both streams of one attempt, and the end that is to go out after them.
final class AttemptOutput {
  let fence: Fence
  var stdout: KeptStream
  var stderr: KeptStream
  /// `ended` or `handedBack`, waiting for the output to be sent.
  var waitingEnd: ToCoordinator?
  /// In the pump's line.
  var isInLine = false
  private(set) var isEnded = false
  private var isLossTold = false

  init(_ fence: Fence, in folder: OutputFolder) {
    self.fence = fence
    stdout = KeptStream(fence, .stdout, in: folder)
    stderr = KeptStream(fence, .stderr, in: folder)
  }

  /// What an earlier start kept of an attempt that ended.
  init(
    _ fence: Fence, in folder: OutputFolder, result: AttemptResult, stdout: KeptStream.Left,
    stderr: KeptStream.Left
  ) throws(SystemError) {
    self.fence = fence
    isEnded = true
    self.stdout = try KeptStream(fence, .stdout, in: folder, total: result.stdoutBytes, left: stdout)
    self.stderr = try KeptStream(fence, .stderr, in: folder, total: result.stderrBytes, left: stderr)
  }

  /// As an earlier program of this start had it.
  init(
    _ fence: Fence, in folder: OutputFolder, isEnded: Bool,
    takingOver streams: [OutputStream: KeptStream.HandedOver]
  ) {
    self.fence = fence
    self.isEnded = isEnded
    let make = { (stream: OutputStream) in
      streams[stream].map { KeptStream(fence, stream, in: folder, takingOver: $0) }
        ?? KeptStream(fence, stream, in: folder)
    }
    stdout = make(.stdout)
    stderr = make(.stderr)
    isLossTold = isEnded && isCut
  }

  func stream(_ stream: OutputStream) -> KeptStream { stream == .stdout ? stdout : stderr }

  func append(_ stream: OutputStream, _ bytes: UnsafeRawBufferPointer) {
    switch stream {
    case .stdout: stdout.append(bytes)
    case .stderr: stderr.append(bytes)
    }
  }

  /// Nothing more is printed. Answers why output could not be kept so far, "" where all of it could.
  func end() -> String {
    stdout.end()
    stderr.end()
    isEnded = true
    isLossTold = isCut
    return loss
  }

  /// Some output could not be kept.
  var isCut: Bool { stdout.fault != nil || stderr.fault != nil }
  private var loss: String { (stdout.fault ?? stderr.fault)?.message ?? "" }

  /// Why output was lost after the end, once.
  func takeLateLoss() -> String? {
    guard isEnded, isCut, !isLossTold else { return nil }
    isLossTold = true
    return loss
  }

  /// What only memory holds of it, for the spool; a larger part is put into files.
  func spool() -> [(OutputStream, KeptPiece)] {
    var pieces: [(OutputStream, KeptPiece)] = []
    if let piece = stdout.spool() { pieces.append((.stdout, piece)) }
    if let piece = stderr.spool() { pieces.append((.stderr, piece)) }
    return pieces
  }

  func moveToFiles() {
    if stdout.unacknowledgedOrUnsent > 0 { stdout.moveToFile() }
    if stderr.unacknowledgedOrUnsent > 0 { stderr.moveToFile() }
  }

  func connectionLost() {
    waitingEnd = nil
    stdout.connectionLost()
    stderr.connectionLost()
  }

  func forget() {
    stdout.forget()
    stderr.forget()
  }

  var isDelivered: Bool { stdout.isDelivered && stderr.isDelivered }
  var isAcknowledged: Bool { stdout.isAcknowledged && stderr.isAcknowledged }
  var hasMore: Bool { stdout.hasMore || stderr.hasMore }
  /// Bytes that may still go under way.
  var window: Int {
    FrameLimits.unacknowledgedOutputBytes - Int(stdout.unacknowledged + stderr.unacknowledged)
  }
}
