/// What a process's new files and folders are not allowed: umask(2), written in octal.
public struct FileMask: Hashable, Sendable {
  /// 0 to 0o777.
  public let bits: UInt16

  /// Nobody but the owner may write.
  public static let standard = FileMask(bits: 0o022)

  private init(bits: UInt16) { self.bits = bits }

  /// One to four octal digits, at most 0777; nil where it is anything else.
  public init?(octal digits: some Collection<UInt8>) {
    guard (1...4).contains(digits.count) else { return nil }
    var bits: UInt16 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "7") else { return nil }
      bits = bits << 3 | UInt16(digit - UInt8(ascii: "0"))
    }
    if bits > 0o777 { return nil }
    self.bits = bits
  }

  /// Three digits: `027`.
  public var text: String {
    let digits = String(bits, radix: 8)
    return String(repeating: "0", count: 3 - digits.utf8.count) + digits
  }
}
