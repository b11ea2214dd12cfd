/// Base64 of RFC 4648 section 4, with padding: how bytes that are no text travel inside JSON.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let notADigit: UInt8 = 0xFF
  private static let padding = UInt8(ascii: "=")
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: notADigit, count: 256)
    for (value, digit) in alphabet.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()

  /// Bytes that `count` bytes take.
  static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  static func encode(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    let size = encodedCount(bytes.count)
    return alphabet.withUnsafeBufferPointer { alphabet in
      [UInt8](unsafeUninitializedCapacity: size) { out, written in
        var at = 0
        while written < size {
          let left = bytes.count - at
          let a = bytes[at]
          let b = left > 1 ? bytes[at + 1] : 0
          let c = left > 2 ? bytes[at + 2] : 0
          out[written] = alphabet[Int(a >> 2)]
          out[written + 1] = alphabet[Int(a & 3) << 4 | Int(b >> 4)]
          out[written + 2] = left > 1 ? alphabet[Int(b & 15) << 2 | Int(c >> 6)] : padding
          out[written + 3] = left > 2 ? alphabet[Int(c & 63)] : padding
          at += 3
          written += 4
        }
      }
    }
  }

  /// nil where it is not base64 as `encode` writes it: one spelling for each value, no white space.
  static func decode(_ text: some RandomAccessCollection<UInt8>) -> [UInt8]? {
    if text.isEmpty { return [] }
    guard text.count % 4 == 0 else { return nil }
    let padded = text.last != padding ? 0 : text.dropLast().last != padding ? 1 : 2
    var out: [UInt8] = []
    out.reserveCapacity(text.count / 4 * 3)
    var bits: UInt32 = 0
    var held = 0
    for digit in text.dropLast(padded) {
      let value = values[Int(digit)]
      if value == notADigit { return nil }
      bits = bits << 6 | UInt32(value)
      held += 6
      if held >= 8 {
        held -= 8
        out.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
      }
    }
    // What is left over of the last digit must be zero, or two texts would mean the same bytes.
    if bits & (1 << UInt32(held) - 1) != 0 { return nil }
    return out
  }
}
