import Protocol

/// What coordinator and agent say of tasks, put into frames and read again: with work waiting, several to a frame.
enum MessageLoops {
  private static let tasksInFrame = 16
  private static let outputBytes = 8 << 10
  private static let job = Job(
    command: ["align", "--to", "hg38", "sample \"7\".fq"], environment: ["THREADS=2", "PATH=/usr/bin:/bin"],
    workingDirectory: "/srv/data")

  /// Answers with the bytes.
  static func encode(_ count: Int) -> Int {
    var bytes = 0
    var next = 0
    while next < count {
      let end = min(count, next + tasksInFrame)
      let frames = taskFrames(next..<end)
      bytes += frames.toAgent.count + frames.toCoordinator.count
      next = end
    }
    return bytes
  }

  /// Answers with the messages. The same frames each time: whole ones, so that the count is rounded up.
  static func decode(_ count: Int) -> Int {
    let frames = taskFrames(0..<tasksInFrame)
    var messages = 0
    for _ in 0..<(count + tasksInFrame - 1) / tasksInFrame {
      messages += read(frames.toAgent, as: ToAgent.self) + read(frames.toCoordinator, as: ToCoordinator.self)
    }
    return messages
  }

  static func encodeOutput(_ count: Int) -> Int {
    let output = outputMessage()
    var bytes = 0
    for _ in 0..<count { bytes += frame(output).count }
    return bytes
  }

  static func decodeOutput(_ count: Int) -> Int {
    let frame = frame(outputMessage())
    var messages = 0
    for _ in 0..<count { messages += read(frame, as: ToCoordinator.self) }
    return messages
  }

  private static func taskFrames(_ numbers: Range<Int>) -> (toAgent: [UInt8], toCoordinator: [UInt8]) {
    var toAgent = FrameEncoder()
    var toCoordinator = FrameEncoder()
    var fences: [Fence] = []
    for number in numbers {
      let fence = Fence(epoch: Epoch(3), counter: Int64(number) + 100_000)
      let start = WallTime(nanoseconds: 1_700_000_000_000_000_000)
      let stop = WallTime(nanoseconds: 1_700_000_000_123_456_789)
      let result = AttemptResult(
        rc: 0, start: start, stop: stop, cpuMicroseconds: 1234, peakMemoryKB: 5678, stdoutBytes: 8192)
      append(
        ToAgent.start(
          .init(fence: fence, run: RunID(7), task: "align_7", number: AttemptNumber(1), job: job)),
        to: &toAgent)
      append(ToCoordinator.started(fence, at: start), to: &toCoordinator)
      append(ToCoordinator.ended(fence, result), to: &toCoordinator)
      fences.append(fence)
    }
    append(ToAgent.endsAcknowledged(fences), to: &toAgent)
    return (toAgent.take(), toCoordinator.take())
  }

  /// Lines of text, with quotes, tabs and a few letters that are no ASCII.
  private static func outputMessage() -> ToCoordinator {
    var bytes: [UInt8] = []
    var line = 0
    while bytes.count < outputBytes {
      bytes += Array(
        "[\(line)] sample \"s\(line % 50)\" aligned\tin 12.5 s, 98 % of its reads fit hg38 well\n".utf8)
      if line % 16 == 0 { bytes += Array("größer als erwartet\n".utf8) }
      line += 1
    }
    return .output(Fence(epoch: Epoch(3), counter: 100_000), .stdout, offset: 1 << 20, bytes)
  }

  private static func frame(_ message: some WireMessage) -> [UInt8] {
    var encoder = FrameEncoder()
    append(message, to: &encoder)
    return encoder.take()
  }

  private static func append(_ message: some WireMessage, to encoder: inout FrameEncoder) {
    do throws(FrameFault) { try encoder.append(message) } catch { preconditionFailure(error.message) }
  }

  private static func read<Message: WireMessage>(_ bytes: [UInt8], as _: Message.Type) -> Int {
    var decoder = FrameDecoder()
    decoder.append(bytes)
    var messages = 0
    do throws(FrameFault) {
      while let payload = try decoder.next() {
        messages += try FramePayload.messages(payload, as: Message.self).count
      }
    } catch {
      preconditionFailure(error.message)
    }
    return messages
  }
}
