/// `Range` of RFC 9110, 14.2, for one range of bytes.
enum ByteRange: Hashable {
  /// From the first to the last, both counted from 0 and meant inclusively; nil: to the end.
  case from(Int64, to: Int64?)
  case last(Int64)

  /// nil: no range that is served here (several at once, another unit, nonsense), so the whole is sent, as the
  /// RFC has it.
  init?(_ header: String) {
    guard header.lowercased().hasPrefix("bytes=") else { return nil }
    let range = header.dropFirst(6)
    guard let dash = range.firstIndex(of: "-") else { return nil }
    let first = String(range[..<dash])
    let last = String(range[range.index(after: dash)...])
    switch (Int64(digits: first), Int64(digits: last)) {
    case (let first?, let last?) where first <= last: self = .from(first, to: last)
    case (let first?, nil) where last.isEmpty: self = .from(first, to: nil)
    case (nil, let count?) where first.isEmpty: self = .last(count)
    default: return nil
    }
  }

  /// The bytes meant of `size`; nil: none of them is there (416).
  func resolved(in size: Int64) -> Range<Int64>? {
    switch self {
    case .from(let first, let last):
      if first >= size { return nil }
      return first..<min(size, (last ?? size - 1) + 1)
    case .last(let count): return count == 0 || size == 0 ? nil : max(0, size - count)..<size
    }
  }
}

extension Int64 {
  fileprivate init?(digits: String) {
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
    else {
      return nil
    }
    // One below the largest, so that the end of a range is a number too.
    self = Swift.min(Int64(digits) ?? .max, .max - 1)
  }
}
