/// Writes JSON into a byte buffer that is kept and grows. Commas are placed by the writer.
///
/// ```swift
/// writer.object { $0.member("runID", 7); $0.member("tags") { $0.array { $0.string("a") } } }
/// ```
public struct JSONWriter: Sendable {
  /// Framing puts headers between the values, and takes values back that don't fit.
  public internal(set) var bytes: [UInt8] = []
  var needsComma = false

  public init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

  /// Hands the bytes over and begins anew.
  public mutating func take() -> [UInt8] {
    needsComma = false
    let out = bytes
    bytes = []
    return out
  }

  /// Hands the bytes over and goes on where it is: for answers that are streamed.
  public mutating func drain() -> [UInt8] {
    let out = bytes
    bytes = []
    return out
  }

  // MARK: Composed values

  public mutating func object(_ members: (inout JSONWriter) -> Void) {
    beginObject()
    members(&self)
    endObject()
  }

  public mutating func array(_ elements: (inout JSONWriter) -> Void) {
    beginArray()
    elements(&self)
    endArray()
  }

  // Open-ended forms, for answers that are streamed.
  public mutating func beginObject() { open(UInt8(ascii: "{")) }
  public mutating func endObject() { close(UInt8(ascii: "}")) }
  public mutating func beginArray() { open(UInt8(ascii: "[")) }
  public mutating func endArray() { close(UInt8(ascii: "]")) }

  /// Writes a member's name; its value must follow.
  public mutating func name(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  public mutating func member(_ name: String, _ value: (inout JSONWriter) -> Void) {
    self.name(name)
    value(&self)
  }
  public mutating func member(_ name: String, _ value: String) {
    self.name(name)
    string(value)
  }
  public mutating func member(_ name: String, _ value: some BinaryInteger) {
    self.name(name)
    integer(value)
  }
  public mutating func member(_ name: String, _ value: Bool) {
    self.name(name)
    boolean(value)
  }

  // MARK: Plain values

  public mutating func string(_ value: String) {
    var value = value
    value.withUTF8 { string(utf8: $0) }
  }

  /// Bytes shown as a string: what is no UTF-8 becomes U+FFFD.
  public mutating func string(lossy value: some Collection<UInt8>) {
    string(String(decoding: value, as: UTF8.self))
  }

  public mutating func integer(_ value: some BinaryInteger) {
    comma()
    // By hand: `String(value)` allocates for what has more than 15 digits, as every time and fence has.
    var left = UInt64(value.magnitude)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.integerBytesMax) { digits in
      var first = digits.count
      repeat {
        first -= 1
        digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: left % 10)
        left /= 10
      } while left > 0
      if value < 0 {
        first -= 1
        digits[first] = UInt8(ascii: "-")
      }
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(digits)[first...]))
    }
  }
  /// A sign and the digits of 64 bits.
  private static let integerBytesMax = 21

  public mutating func boolean(_ value: Bool) { literal(value ? "true" : "false") }
  public mutating func null() { literal("null") }

  /// JSON that is already written; nothing checks it.
  public mutating func raw(_ json: some Collection<UInt8>) {
    comma()
    bytes.append(contentsOf: json)
  }

  // MARK: Bytes

  private mutating func literal(_ word: StaticString) {
    comma()
    bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
  }

  private mutating func comma() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  private mutating func open(_ bracket: UInt8) {
    comma()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  /// Text that is known to be UTF-8.
  mutating func string(utf8: UnsafeBufferPointer<UInt8>) {
    comma()
    bytes.append(UInt8(ascii: "\""))
    var plain = 0
    var at = 0
    while true {
      at = PlainBytes.end(in: utf8, from: at)
      if at == utf8.count { break }
      if utf8[at] < 0x80 {
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[plain..<at]))
        plain = at + 1
        escape(utf8[at])
      }
      at += 1
    }
    bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[plain...]))
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ b: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch b {
    case 8: bytes.append(UInt8(ascii: "b"))
    case 9: bytes.append(UInt8(ascii: "t"))
    case 10: bytes.append(UInt8(ascii: "n"))
    case 12: bytes.append(UInt8(ascii: "f"))
    case 13: bytes.append(UInt8(ascii: "r"))
    case 0..<0x20:
      bytes.append(contentsOf: [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")])
      bytes.append(UInt8(ascii: "0") + b >> 4)
      bytes.append(b & 15 < 10 ? UInt8(ascii: "0") + b & 15 : UInt8(ascii: "a") + b & 15 - 10)
    default: bytes.append(b)
    }
  }
}
