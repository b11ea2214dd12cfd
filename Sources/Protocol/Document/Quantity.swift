/// Numbers of a document, as strict as they are documented: what is nearly a number is a fault, not a guess.
enum Quantity {
  /// Whatever is written is taken for this much at most, which is more than anything may be.
  private static let readLimit: Int64 = 1_000_000_000_000

  /// `[0-9]+(\.[0-9]{1,3})?` in thousandths; nil where it is not of that form.
  static func thousandths(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
    var value: Int64 = 0
    var decimals = -1
    for b in bytes {
      if b == UInt8(ascii: "."), decimals < 0, bytes[0] != b {
        decimals = 0
        continue
      }
      guard b >= UInt8(ascii: "0"), b <= UInt8(ascii: "9") else { return nil }
      if decimals >= 0 { decimals += 1 }
      if decimals > 3 { return nil }
      value = min(readLimit, value * 10 + Int64(b - UInt8(ascii: "0")))
    }
    if bytes.isEmpty || decimals == 0 { return nil }
    for _ in max(decimals, 0)..<3 { value *= 10 }
    return value
  }

  /// `[0-9]+`; nil where it is not of that form.
  static func whole(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
    var value: Int64 = 0
    for b in bytes {
      guard b >= UInt8(ascii: "0"), b <= UInt8(ascii: "9") else { return nil }
      value = min(readLimit, value * 10 + Int64(b - UInt8(ascii: "0")))
    }
    return bytes.isEmpty ? nil : value
  }
}

extension ResourceVector {
  /// The most cores of anything: `134217.728`.
  public static let mostCoresText = ResourceVector(milliCores: most, memoryMB: 0).coresText

  /// Cores without needless zeros, as the answers show them: `1`, `0.5`.
  public var coresText: String {
    let whole = milliCores / 1000
    var fraction = milliCores % 1000
    if fraction == 0 { return "\(whole)" }
    var digits = 3
    while fraction % 10 == 0 {
      fraction /= 10
      digits -= 1
    }
    let text = String(fraction)
    return "\(whole)." + String(repeating: "0", count: digits - text.utf8.count) + text
  }
}
