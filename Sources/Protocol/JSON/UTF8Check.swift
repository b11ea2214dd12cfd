/// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
public enum UTF8Check {
  /// The length of the well-formed sequence of two to four bytes that begins at `at`, which must be a byte of
  /// 0x80 or above; nil where there is none.
  static func multibyteLength(_ bytes: UnsafeBufferPointer<UInt8>, at: Int) -> Int? {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch bytes[at] {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default: return nil
    }
    guard bytes.count - at >= length, second.contains(bytes[at + 1]) else { return nil }
    for i in 2..<length where bytes[at + i] & 0xC0 != 0x80 { return nil }
    return length
  }

  /// Whether all of it is well formed.
  public static func holds(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var at = 0
    while at < bytes.count {
      if bytes[at] < 0x80 {
        at += 1
      } else if let length = multibyteLength(bytes, at: at) {
        at += length
      } else {
        return false
      }
    }
    return true
  }
}
