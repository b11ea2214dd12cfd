/// Strings that name parameters: `{{NAME}}`, NAME being an identifier. Other double braces are plain text,
/// and `\{{` is a plain `{{`. One pass: what is put in is not looked at again.
public enum Template {
  public typealias Bytes = UnsafeBufferPointer<UInt8>

  public enum Piece {
    /// Plain bytes.
    case plain(Range<Int>)
    /// The name between the braces.
    case reference(Range<Int>)
  }

  /// Whether `{{` stands in it at all: most strings have none and need no second look.
  public static func hasBraces(_ bytes: Bytes) -> Bool {
    var at = 1
    // Every other byte is enough: of two braces side by side one is met.
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "{") {
        if bytes[at - 1] == UInt8(ascii: "{") { return true }
        if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "{") { return true }
      }
      at += 2
    }
    return false
  }

  /// Whether a parameter is named in it.
  public static func namesSomething(_ bytes: Bytes) -> Bool {
    var found = false
    scan(bytes) { if case .reference = $0 { found = true } }
    return found
  }

  /// The pieces in order; the backslash of `\{{` is in none.
  public static func scan(_ bytes: Bytes, _ piece: (Piece) -> Void) {
    let brace = UInt8(ascii: "{")
    var plain = 0
    var at = 0
    func flush(_ end: Int) { if end > plain { piece(.plain(plain..<end)) } }
    while at + 1 < bytes.count {
      if bytes[at] == brace, bytes[at + 1] == brace, let end = nameEnd(bytes, from: at + 2) {
        flush(at)
        piece(.reference(at + 2..<end))
        at = end + 2
        plain = at
      } else if bytes[at] == UInt8(ascii: "\\"), at + 2 < bytes.count, bytes[at + 1] == brace,
        bytes[at + 2] == brace
      {
        flush(at)
        plain = at + 1
        at += 3
      } else {
        at += 1
      }
    }
    flush(bytes.count)
  }

  /// `[A-Za-z_][A-Za-z0-9_]*`, whole.
  public static func isIdentifier(_ bytes: some Collection<UInt8>) -> Bool {
    guard let first = bytes.first, isNameStart(first) else { return false }
    return bytes.allSatisfy(isNamePart)
  }

  /// Where the name that begins at `from` ends, if `}}` follows it.
  private static func nameEnd(_ bytes: Bytes, from: Int) -> Int? {
    guard from < bytes.count, isNameStart(bytes[from]) else { return nil }
    var at = from
    while at < bytes.count, isNamePart(bytes[at]) { at += 1 }
    guard at + 1 < bytes.count, bytes[at] == UInt8(ascii: "}"), bytes[at + 1] == UInt8(ascii: "}") else {
      return nil
    }
    return at
  }

  static func isNameStart(_ b: UInt8) -> Bool {
    b | 0x20 >= 0x61 && b | 0x20 <= 0x7A || b == UInt8(ascii: "_")
  }
  static func isNamePart(_ b: UInt8) -> Bool {
    isNameStart(b) || b >= UInt8(ascii: "0") && b <= UInt8(ascii: "9")
  }
}
