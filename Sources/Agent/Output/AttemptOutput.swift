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
  private var isEnded = false
  private var isLossTold = false

  init(_ fence: Fence, folder: String) {
    self.fence = fence
    stdout = KeptStream(fence, .stdout, folder: folder)
    stderr = KeptStream(fence, .stderr, folder: folder)
  }

  /// What an earlier start kept of an attempt that ended.
  init(_ fence: Fence, folder: String, result: AttemptResult, from: (stdout: Int64, stderr: Int64))
    throws(SystemError)
  {
    self.fence = fence
    isEnded = true
    stdout = try KeptStream(fence, .stdout, folder: folder, from: from.stdout, total: result.stdoutBytes)
    stderr = try KeptStream(fence, .stderr, folder: folder, from: from.stderr, total: result.stderrBytes)
  }

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
