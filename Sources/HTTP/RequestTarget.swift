/// A request line's target (RFC 9112, 3.2), taken apart before it is decoded: `..%2f` is one segment that
/// happens to hold a slash, not a way up.
struct RequestTarget {
  var rawPath: String
  var segments: [String]
  var query: [(name: String, value: String)]

  /// Bytes as sent. Whatever they are, this gives a value: what is no UTF-8 becomes U+FFFD, and a `%` without
  /// two digits stands for itself.
  init(_ bytes: some BidirectionalCollection<UInt8>) {
    let bytes = Array(bytes)
    var path = bytes[...]
    query = []
    if let mark = bytes.firstIndex(of: UInt8(ascii: "?")) {
      path = bytes[..<mark]
      query = Self.pairs(bytes[(mark + 1)...])
    }
    if path.first != UInt8(ascii: "/") { path = Self.withoutAuthority(path) }
    rawPath = String(decoding: path, as: UTF8.self)
    let inner = path.first == UInt8(ascii: "/") ? path.dropFirst() : path
    segments =
      inner.isEmpty
      ? []
      : inner.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        .map { String(decoding: Self.decoded($0, plusIsSpace: false), as: UTF8.self) }
  }

  /// The absolute form names the server first: `http://host/path`.
  private static func withoutAuthority(_ target: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    for scheme in ["http://", "https://"] where target.starts(with: scheme.utf8) {
      let rest = target.dropFirst(scheme.utf8.count)
      return rest.firstIndex(of: UInt8(ascii: "/")).map { rest[$0...] } ?? []
    }
    return target
  }

  private static func pairs(_ query: ArraySlice<UInt8>) -> [(name: String, value: String)] {
    query.split(separator: UInt8(ascii: "&")).map { pair in
      let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      return (
        name: String(decoding: decoded(pair[..<equals], plusIsSpace: true), as: UTF8.self),
        value: String(decoding: decoded(pair[equals...].dropFirst(), plusIsSpace: true), as: UTF8.self)
      )
    }
  }

  private static func decoded(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    var at = bytes.startIndex
    while at < bytes.endIndex {
      let byte = bytes[at]
      if byte == UInt8(ascii: "%"), at + 2 < bytes.endIndex, let high = digit(bytes[at + 1]),
        let low = digit(bytes[at + 2])
      {
        out.append(high << 4 | low)
        at += 3
        continue
      }
      out.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      at += 1
    }
    return out
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

extension Request {
  /// A request for a target as it stands in a request line, with its query.
  public init(method: String, target: String) {
    let target = RequestTarget(Array(target.utf8))
    self.init(method: method, rawPath: target.rawPath, segments: target.segments, query: target.query)
  }
}
