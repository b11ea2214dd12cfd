/// Bytes that mean themselves in a JSON string: ASCII that is no control character, quotation mark or backslash. What
/// tasks print is mostly such, so they are looked at by eight.
enum PlainBytes {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080

  /// The first place from `start` on that holds another byte; the end where none does.
  @inline(__always)
  static func end(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var at = start
    let raw = UnsafeRawBufferPointer(bytes)
    while at + 8 <= raw.count {
      let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      // A borrow can mark a byte wrongly only behind one that is marked rightly: the first is always right.
      let control = (word &- ones &* 0x20) & ~word
      let found = (word | control | equal(word, UInt8(ascii: "\"")) | equal(word, UInt8(ascii: "\\"))) & highs
      if found != 0 { return at + found.trailingZeroBitCount / 8 }
      at += 8
    }
    while at < bytes.count, isPlain(bytes[at]) { at += 1 }
    return at
  }

  @inline(__always)
  private static func equal(_ word: UInt64, _ byte: UInt8) -> UInt64 {
    let difference = word ^ ones &* UInt64(byte)
    return (difference &- ones) & ~difference
  }

  @inline(__always)
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }
}
