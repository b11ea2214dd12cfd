/// A string or number inside a document's text: 8 bytes where a `String` would be 16 and an allocation.
public struct TextSpan: Hashable, Sendable {
  private let start: UInt32
  /// The top bit says that the text has escapes.
  private let lengthAndFlag: UInt32
  private static let flag: UInt32 = 0x8000_0000

  /// Texts longer than this are not taken: spans count in 31 bits.
  public static let textLimit = Int(Int32.max)

  /// `raw` lies between the quotes, escapes as written; a number's bytes are without quotes.
  public init(raw: Range<Int>, hasEscapes: Bool) {
    start = UInt32(raw.lowerBound)
    lengthAndFlag = UInt32(raw.count) | (hasEscapes ? Self.flag : 0)
  }

  /// All of it in a word, for lists that must cost no allocation.
  var bits: UInt64 { UInt64(start) << 32 | UInt64(lengthAndFlag) }
  init(bits: UInt64) {
    start = UInt32(truncatingIfNeeded: bits >> 32)
    lengthAndFlag = UInt32(truncatingIfNeeded: bits)
  }

  init(_ text: JSONReader.Text) { self.init(raw: text.raw, hasEscapes: text.hasEscapes) }

  public var raw: Range<Int> { Int(start)..<Int(start) + length }
  /// Bytes as written; never fewer than what they mean.
  public var length: Int { Int(lengthAndFlag & ~Self.flag) }
  public var hasEscapes: Bool { lengthAndFlag & Self.flag != 0 }
  /// Of the opening quote (of a string).
  public var quoteOffset: Int { Int(start) - 1 }

  /// Calls `body` with the UTF-8 that the span means.
  public func withBytes<R>(in text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> R)
    -> R
  {
    if !hasEscapes { return body(UnsafeBufferPointer(rebasing: text[raw])) }
    return bytes(in: text).withUnsafeBufferPointer(body)
  }

  /// The UTF-8 that the span means.
  public func bytes(in text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    JSONReader(text, from: raw.lowerBound).unescaped(
      JSONReader.Text(offset: raw.lowerBound, raw: raw, hasEscapes: hasEscapes))
  }

  /// Whether two spans of a text mean the same bytes.
  static func same(_ a: TextSpan, _ b: TextSpan, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    if a.hasEscapes || b.hasEscapes { return a.bytes(in: text) == b.bytes(in: text) }
    guard a.length == b.length else { return false }
    for i in 0..<a.length where text[a.raw.lowerBound + i] != text[b.raw.lowerBound + i] { return false }
    return true
  }

  public func string(in text: UnsafeBufferPointer<UInt8>) -> String {
    withBytes(in: text) { String(decoding: $0, as: UTF8.self) }
  }
}
