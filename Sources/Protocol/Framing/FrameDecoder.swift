/// Cuts a stream of bytes into frames: a 4-byte big-endian length and that many bytes of JSON.
///
/// Sans-I/O: bytes in by `append`, payloads out by `next` until it answers nil. It holds at most one
/// unfinished frame and what was appended last, so that memory is bounded by the limit and the size of a
/// read; a length over the limit is refused by its four bytes alone. What was consumed is moved away once
/// it is the larger part of the buffer, so each byte is moved about once however the stream is chunked.
public struct FrameDecoder: Sendable {
  /// Bytes of the length before each payload.
  public static let headerBytes = 4

  /// Bytes a payload may have. Raised when the hello has been accepted.
  public var payloadLimit: Int

  private var buffer: [UInt8] = []
  private var consumed = 0
  private var fault: FrameFault?

  public init(payloadLimit: Int = FrameLimits.payloadBytes) { self.payloadLimit = payloadLimit }

  /// Whether the stream, if it ended here, would end inside a frame.
  public var isInsideFrame: Bool { consumed < buffer.count }

  /// Takes bytes as they were read from the stream.
  public mutating func append(_ bytes: some Collection<UInt8>) {
    if fault != nil { return }
    compact()
    buffer.append(contentsOf: bytes)
  }

  /// The next whole payload, nil until more bytes have come. After a fault the stream is lost: each further
  /// call throws the same one.
  public mutating func next() throws(FrameFault) -> [UInt8]? {
    if let fault { throw fault }
    guard buffer.count - consumed >= Self.headerBytes else { return nil }
    var length = 0
    for i in 0..<Self.headerBytes { length = length << 8 | Int(buffer[consumed + i]) }
    if length == 0 { throw fail(FrameFault(.empty, "a frame of 0 bytes: each frame holds a message")) }
    if length > payloadLimit {
      throw fail(FrameFault(.tooLarge, "a frame of \(length) bytes, at most \(payloadLimit) are taken here"))
    }
    let start = consumed + Self.headerBytes
    guard buffer.count - start >= length else { return nil }
    consumed = start + length
    let payload = Array(buffer[start..<consumed])
    if consumed == buffer.count {
      buffer.removeAll(keepingCapacity: buffer.capacity <= Self.keptCapacity)
      consumed = 0
    }
    return payload
  }

  /// A buffer that grew larger than this for a large frame is given back when it is empty, in bytes: with
  /// 1,000 connections it would add up.
  private static let keptCapacity = 128 << 10

  private mutating func compact() {
    guard consumed > 0, consumed >= buffer.count / 2 else { return }
    buffer.removeSubrange(..<consumed)
    consumed = 0
  }

  private mutating func fail(_ fault: FrameFault) -> FrameFault {
    self.fault = fault
    buffer = []
    consumed = 0
    return fault
  }
}
