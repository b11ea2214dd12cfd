/// `family_3`: how the tasks of an expanded family are named.
enum TaskName {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  /// Splits at the last `_` where a number without needless zeros follows it. Beyond `Int` there is no task.
  static func split(_ name: Bytes) -> (stem: Bytes, ordinal: Int)? {
    guard let bar = name.lastIndex(of: UInt8(ascii: "_")), bar > 0, bar + 1 < name.count else { return nil }
    let digits = name[(bar + 1)...]
    if digits.count > 18 || (digits.count > 1 && digits.first == UInt8(ascii: "0")) { return nil }
    var value = 0
    for b in digits {
      guard b >= UInt8(ascii: "0"), b <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int(b - UInt8(ascii: "0"))
    }
    return (Bytes(rebasing: name[..<bar]), value)
  }
}
