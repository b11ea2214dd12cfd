import Protocol

/// What runner and link say to each other over their socketpair, in frames as the agent protocol has them: a byte that
/// says what it is, then that.
///
/// ```
/// 0 JSON                     a note between the two: see RunnerNote, LinkNote
/// 1 NUMBER (4 bytes) BYTES   runner → link: whole frames for the coordinator, on the connection of that number; on
///                            another they mean nothing any more, and are dropped
/// 1 BYTES                    link → runner: the payload of a frame from the coordinator
/// ```
enum LinkFrame {
  /// Bytes of a payload: what a turn gathers at most, and its head.
  static let payloadBytes = 16 << 20

  static let note: UInt8 = 0
  static let passed: UInt8 = 1

  static func note(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.object(write)
    return frame([note], writer.take())
  }

  /// For the coordinator.
  static func frames(_ bytes: [UInt8], on connection: UInt32) -> [UInt8] {
    frame([passed] + (0..<4).map { UInt8(truncatingIfNeeded: connection >> (24 - 8 * $0)) }, bytes)
  }

  /// From the coordinator.
  static func payload(_ bytes: [UInt8]) -> [UInt8] { frame([passed], bytes) }

  private static func frame(_ head: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
    let length = head.count + bytes.count
    var out: [UInt8] = []
    out.reserveCapacity(FrameDecoder.headerBytes + length)
    for i in 0..<FrameDecoder.headerBytes {
      out.append(UInt8(truncatingIfNeeded: length >> (8 * (FrameDecoder.headerBytes - 1 - i))))
    }
    out += head
    out += bytes
    return out
  }

  /// The connection's number and the bytes of what `frames` made.
  static func passedFrames(_ payload: [UInt8]) -> (connection: UInt32, bytes: [UInt8])? {
    guard payload.count >= 5 else { return nil }
    return (payload[1..<5].reduce(0) { $0 << 8 | UInt32($1) }, Array(payload[5...]))
  }
}
