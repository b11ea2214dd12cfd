/// Gathers messages into frames, as many in one as the limit allows: batches are how the protocol is fast.
///
/// Each message is written once, straight into the buffer that goes to the socket: the header's place is
/// kept free and filled in when the frame is closed. Only the message that turns out not to fit is moved,
/// into a frame of its own. (Measuring each message first would write everything twice.)
public struct FrameEncoder: Sendable {
  /// Bytes a payload may have.
  public var payloadLimit: Int
  /// Bytes a payload may have that holds one message alone.
  public var aloneLimit: Int

  private var writer: JSONWriter
  /// Where the open frame's header stands; nil: no frame is open.
  private var header: Int?

  /// `aloneLimit`: where it is larger than what several may have together.
  public init(payloadLimit: Int = FrameLimits.payloadBytes, aloneLimit: Int? = nil) {
    self.payloadLimit = payloadLimit
    self.aloneLimit = aloneLimit ?? payloadLimit
    writer = JSONWriter(capacity: 0)
  }

  public var isEmpty: Bool { writer.bytes.isEmpty }
  /// Bytes gathered so far.
  public var count: Int { writer.bytes.count }

  /// Adds a message. One that alone is larger than a frame may be is a fault, and is not added; what was
  /// added before stays.
  public mutating func append(_ message: some WireMessage) throws(FrameFault) {
    let isFirst = header == nil
    if isFirst { open() }
    let before = writer.bytes.count
    message.write(to: &writer)
    if payloadCount + 1 <= payloadLimit { return }
    // The message without the comma that the writer put before it.
    let start = isFirst ? before : before + 1
    let bytes = Array(writer.bytes[start...])
    writer.bytes.removeSubrange(before...)
    if bytes.count + 2 > aloneLimit {
      if isFirst {
        writer.bytes.removeLast(FrameDecoder.headerBytes + 1)
        header = nil
      }
      throw FrameFault(
        .tooLarge, "a message of \(bytes.count) bytes does not fit a frame of at most \(aloneLimit) bytes")
    }
    if isFirst {
      writer.bytes.removeLast(FrameDecoder.headerBytes + 1)
      header = nil
    }
    close()
    open()
    writer.raw(bytes)
    // What does not fit beside others is alone.
    if payloadCount + 1 > payloadLimit { close() }
  }

  /// The frames gathered so far, ready to be sent.
  public mutating func take() -> [UInt8] {
    close()
    return writer.take()
  }

  private var payloadCount: Int {
    writer.bytes.count - (header ?? writer.bytes.count) - FrameDecoder.headerBytes
  }

  private mutating func open() {
    header = writer.bytes.count
    writer.bytes.append(contentsOf: repeatElement(0, count: FrameDecoder.headerBytes))
    writer.needsComma = false
    writer.beginArray()
  }

  private mutating func close() {
    guard let header else { return }
    writer.endArray()
    let length = payloadCount
    for i in 0..<FrameDecoder.headerBytes {
      writer.bytes[header + i] = UInt8(truncatingIfNeeded: length >> (8 * (FrameDecoder.headerBytes - 1 - i)))
    }
    self.header = nil
  }
}
