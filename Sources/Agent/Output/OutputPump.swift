import Glibc
import Protocol
import System

/// Takes what attempts print and gives the link what may go out: at most 256 KiB unacknowledged an attempt, an
/// end after its output, attempts in turn.
final class OutputPump {
  /// Bytes of one message: a large attempt leaves others their turn, and base64 of it fits a frame.
  private static let chunkBytes = 64 << 10
  /// While more than this waits for the socket, nothing is added.
  static let socketBacklogBytes = 2 << 20

  let folder: OutputFolder
  /// Only attempts that printed something. Walked in the order of fences where order shows.
  private var outputs: [Fence: AttemptOutput] = [:]
  private var line: [AttemptOutput] = []
  /// Without a connection what is printed goes to disk, where a later start finds it.
  private var isConnected = false

  /// Output of an attempt was lost after its end was told, and why.
  var onLoss: ((Fence, String) -> Void)?

  init(in folder: OutputFolder) { self.folder = folder }

  /// In order.
  var fences: [Fence] { outputs.keys.sorted() }
  func output(_ fence: Fence) -> AttemptOutput? { outputs[fence] }

  // MARK: From processes

  func printed(_ fence: Fence, _ stream: OutputStream, _ bytes: UnsafeRawBufferPointer) {
    let output = outputs[fence] ?? AttemptOutput(fence, in: folder)
    outputs[fence] = output
    output.append(stream, bytes)
    if !isConnected { output.moveToFiles() }
    enqueue(output)
  }

  /// Bytes an attempt has printed.
  func totals(_ fence: Fence) -> (stdout: Int64, stderr: Int64) {
    guard let output = outputs[fence] else { return (0, 0) }
    return (output.stdout.total, output.stderr.total)
  }

  /// The attempt ended, and printed nothing more. Answers why output could not be kept, "" where all of it could.
  func ended(_ fence: Fence) -> String {
    guard let output = outputs[fence] else { return "" }
    let loss = output.end()
    enqueue(output)
    return loss
  }

  /// What only memory holds of an attempt that ended, for the spool.
  func spool(_ fence: Fence) -> [(OutputStream, KeptPiece)] { outputs[fence]?.spool() ?? [] }

  /// What an earlier start left of an attempt.
  func restore(_ output: AttemptOutput) { outputs[output.fence] = output }

  // MARK: From the coordinator

  func acknowledged(_ fence: Fence, _ stream: OutputStream, _ offset: Int64) {
    guard let output = outputs[fence] else { return }
    switch stream {
    case .stdout: output.stdout.acknowledge(offset)
    case .stderr: output.stderr.acknowledge(offset)
    }
    enqueue(output)
  }

  func disconnected() {
    isConnected = false
    line.removeAll(keepingCapacity: true)
    for output in outputs.values {
      output.isInLine = false
      output.connectionLost()
      output.moveToFiles()
    }
  }

  private func tellLoss(_ output: AttemptOutput) {
    if let why = output.takeLateLoss() { onLoss?(output.fence, why) }
  }

  /// The end is committed there, so the output is, too.
  func forget(_ fence: Fence) {
    guard let output = outputs.removeValue(forKey: fence) else { return }
    output.waitingEnd = nil
    output.forget()
  }

  // MARK: To the coordinator

  /// Everything is to be sent again from what is acknowledged.
  func connected() {
    isConnected = true
    for fence in outputs.keys.sorted() { enqueue(outputs[fence]!) }
  }

  /// Whether output of an ended attempt must still be sent before its end.
  func holdsBack(_ fence: Fence) -> Bool { outputs[fence].map { !$0.isDelivered } ?? false }

  /// Sends the end behind the output; false: there is none to wait for, the end may go as it is.
  func sendLater(_ end: ToCoordinator, of fence: Fence) -> Bool {
    // Behind what was sent of it, also where the rest is lost.
    guard let output = outputs[fence], output.isCut || !output.isAcknowledged else { return false }
    output.waitingEnd = end
    enqueue(output)
    return true
  }

  /// Ends that wait for their output.
  var waitingEnds: Int { outputs.values.count { $0.waitingEnd != nil } }
  var hasWork: Bool { !line.isEmpty }

  private func enqueue(_ output: AttemptOutput) {
    if output.isInLine || !(output.hasMore || output.waitingEnd != nil) { return }
    output.isInLine = true
    line.append(output)
  }

  /// Gives `send` what may go out now, a chunk an attempt and round, until windows are full or `send` says that
  /// it is enough.
  func pump(_ send: (ToCoordinator) -> Bool) {
    var goesOn = true
    while goesOn, !line.isEmpty {
      let round = line
      line.removeAll(keepingCapacity: true)
      for output in round {
        output.isInLine = false
        if goesOn { goesOn = pumpOne(output, send) } else { enqueue(output) }
      }
    }
  }

  private func pumpOne(_ output: AttemptOutput, _ send: (ToCoordinator) -> Bool) -> Bool {
    var goesOn = true
    var hasSent = false
    for stream in OutputStream.allCases {
      let limit = min(Self.chunkBytes, output.window)
      if limit <= 0 { break }
      let next = stream == .stdout ? output.stdout.next(limit: limit) : output.stderr.next(limit: limit)
      guard let next else { continue }
      hasSent = true
      Failpoint.outputSendBefore.pass()
      goesOn = send(.output(output.fence, stream, offset: next.offset, next.bytes)) && goesOn
    }
    tellLoss(output)
    if output.isDelivered, let end = output.waitingEnd {
      output.waitingEnd = nil
      return send(end) && goesOn
    }
    // A full window waits for an acknowledgement, which puts it in line again.
    if hasSent { enqueue(output) }
    return goesOn
  }
}
