/// Reads one JSON text from the front, a value at a time, without building a tree.
///
/// Stricter than RFC 8259 asks: a name twice in an object, half a surrogate, U+0000 and nesting deeper
/// than 64 are faults, since each of them means different things to different readers. The text must be
/// UTF-8 (a BOM is skipped). A pull reader rather than a tree: a DAG of 100,000 tasks is read in one pass
/// into compact records, and each value's offset is at hand for a fault's line and column.
///
/// The reader does not own the bytes: use it inside the closure of `withUnsafeBufferPointer`.
public struct JSONReader {
  public static let depthLimit = 64

  public enum Kind: Sendable { case object, array, string, number, boolean, null }

  /// A member's name or a string value, with where it stands.
  public struct Text {
    /// Of the opening quote.
    public let offset: Int
    /// Between the quotes, escapes as written.
    public let raw: Range<Int>
    public let hasEscapes: Bool
  }

  public let bytes: UnsafeBufferPointer<UInt8>
  public private(set) var offset: Int
  private var depth = 0

  /// `from`: where to begin, for a value that stands inside a text already checked.
  public init(_ bytes: UnsafeBufferPointer<UInt8>, from: Int = 0) {
    self.bytes = bytes
    offset = from
    if from == 0, bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { offset = 3 }
  }

  // MARK: Looking

  /// The kind of the next value; `offset` is then its first byte.
  public mutating func peek() throws(JSONFault) -> Kind {
    skipSpace()
    guard let byte else { throw fault("the text ends where a value should begin") }
    switch byte {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: throw fault("a value cannot begin with \(Self.show(byte))")
    }
  }

  /// Nothing but white space may be left.
  public mutating func end() throws(JSONFault) {
    skipSpace()
    if offset < bytes.count { throw fault("there is text after the JSON value") }
  }

  // MARK: Composed values

  /// Calls `member` with the reader standing before each member's value; it must read that value whole.
  public mutating func object(
    _ member: (inout JSONReader, Text) throws(JSONFault) -> Void
  ) throws(JSONFault) {
    try open("{")
    var seen = SeenNames()
    skipSpace()
    if byte == UInt8(ascii: "}") { return close() }
    while true {
      skipSpace()
      guard byte == UInt8(ascii: "\"") else {
        throw fault("a member's name in double quotes should stand here")
      }
      let name = try text()
      if seen.insert(name, in: self) {
        throw JSONFault(offset: name.offset, message: "the member \"\(shown(name))\" is there twice")
      }
      skipSpace()
      guard byte == UInt8(ascii: ":") else { throw fault("a ':' should follow a member's name") }
      offset += 1
      try member(&self, name)
      skipSpace()
      switch byte {
      case UInt8(ascii: ","): offset += 1
      case UInt8(ascii: "}"): return close()
      case nil: throw fault("the text ends inside an object")
      default: throw fault("a ',' or a '}' should stand here")
      }
    }
  }

  /// The name of an object's first member, with the reader behind its colon; nil where there is none such.
  mutating func leadingMember() -> Text? {
    do {
      try open("{")
      let name = try text()
      skipSpace()
      guard byte == UInt8(ascii: ":") else { return nil }
      offset += 1
      return name
    } catch {
      return nil
    }
  }

  /// Calls `element` with the reader standing before each element; it must read that element whole.
  public mutating func array(
    _ element: (inout JSONReader, Int) throws(JSONFault) -> Void
  ) throws(JSONFault) {
    try open("[")
    skipSpace()
    if byte == UInt8(ascii: "]") { return close() }
    var index = 0
    while true {
      try element(&self, index)
      index += 1
      skipSpace()
      switch byte {
      case UInt8(ascii: ","): offset += 1
      case UInt8(ascii: "]"): return close()
      case nil: throw fault("the text ends inside an array")
      default: throw fault("a ',' or a ']' should stand here")
      }
    }
  }

  /// Passes over one value of any kind, checking it whole.
  public mutating func skip() throws(JSONFault) {
    switch try peek() {
    case .object: try object { (reader, _) throws(JSONFault) in try reader.skip() }
    case .array: try array { (reader, _) throws(JSONFault) in try reader.skip() }
    case .string: _ = try text()
    case .number: _ = try number()
    case .boolean: _ = try boolean()
    case .null: try null()
    }
  }

  // MARK: Plain values

  /// A string, checked and not yet decoded.
  public mutating func text() throws(JSONFault) -> Text {
    skipSpace()
    guard byte == UInt8(ascii: "\"") else { throw fault("a string should stand here") }
    let start = offset
    offset += 1
    let first = offset
    var hasEscapes = false
    while offset < bytes.count {
      let b = bytes[offset]
      switch b {
      case UInt8(ascii: "\""):
        offset += 1
        return Text(offset: start, raw: first..<offset - 1, hasEscapes: hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        try checkEscape()
      case 0x20..<0x80: offset = PlainBytes.end(in: bytes, from: offset)
      case 0x80...: try checkMultibyte()
      default: throw fault("a control character in a string must be written as an escape")
      }
    }
    throw JSONFault(offset: start, message: "a string does not end")
  }

  public mutating func string() throws(JSONFault) -> String { string(try text()) }

  /// What a checked text means, escapes resolved.
  public func string(_ text: Text) -> String {
    let raw = UnsafeBufferPointer(rebasing: bytes[text.raw])
    if !text.hasEscapes { return String(decoding: raw, as: UTF8.self) }
    return String(decoding: unescaped(text), as: UTF8.self)
  }

  /// Whether a checked text says this, escapes resolved.
  public func text(_ text: Text, is word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    if text.hasEscapes {
      return unescaped(text).elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: count))
    }
    guard text.raw.count == count else { return false }
    for i in 0..<count where bytes[text.raw.lowerBound + i] != word.utf8Start[i] { return false }
    return true
  }

  /// A checked text for a fault's message: cut where it is long, or whoever sends a megabyte gets it back.
  public func shown(_ text: Text) -> String {
    let whole = string(text)
    let cut = whole.unicodeScalars.prefix(Self.shownLimit)
    return cut.endIndex == whole.unicodeScalars.endIndex ? whole : String(cut) + "…"
  }
  /// Code points of a text that a fault's message shows.
  private static let shownLimit = 200

  /// The UTF-8 of a checked text, escapes resolved.
  public func unescaped(_ text: Text) -> [UInt8] {
    let raw = bytes[text.raw]
    if !text.hasEscapes { return Array(raw) }
    var out: [UInt8] = []
    out.reserveCapacity(raw.count)
    var at = raw.startIndex
    while at < raw.endIndex {
      guard bytes[at] == UInt8(ascii: "\\") else {
        var end = at
        // The closing quotation mark at the latest ends it.
        repeat { end = PlainBytes.end(in: bytes, from: end + 1) } while bytes[end] >= 0x80
        out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[at..<end]))
        at = end
        continue
      }
      let escape = bytes[at + 1]
      at += 2
      switch escape {
      case UInt8(ascii: "b"): out.append(8)
      case UInt8(ascii: "f"): out.append(12)
      case UInt8(ascii: "n"): out.append(10)
      case UInt8(ascii: "r"): out.append(13)
      case UInt8(ascii: "t"): out.append(9)
      case UInt8(ascii: "u"):
        var code = hex4(at) ?? 0xFFFD
        at += 4
        if code & 0xFC00 == 0xD800 {
          code = 0x10000 + (code & 0x3FF) << 10 + ((hex4(at + 2) ?? 0) & 0x3FF)
          at += 6
        }
        out.append(contentsOf: String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8)
      default: out.append(escape)
      }
    }
    return out
  }

  /// A number's bytes, checked against the grammar: `-? int frac? exp?`.
  public mutating func number() throws(JSONFault) -> Range<Int> {
    skipSpace()
    let start = offset
    guard byte == UInt8(ascii: "-") || isDigit else { throw fault("a number should stand here") }
    if byte == UInt8(ascii: "-") { offset += 1 }
    if byte == UInt8(ascii: "0") {
      offset += 1
      if isDigit { throw fault("a number cannot begin with a needless 0") }
    } else {
      try digits()
    }
    if byte == UInt8(ascii: ".") {
      offset += 1
      try digits()
    }
    if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
      offset += 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { offset += 1 }
      try digits()
    }
    return start..<offset
  }

  /// A whole number written without fraction or exponent.
  public mutating func integer() throws(JSONFault) -> Int64 {
    let range = try number()
    guard let value = wholeNumber(range) else {
      throw JSONFault(offset: range.lowerBound, message: "a whole number of 64 bits should stand here")
    }
    return value
  }

  /// The value of a checked number, nil where it has a fraction or an exponent or is beyond 64 bits.
  public func wholeNumber(_ range: Range<Int>) -> Int64? {
    var at = range.lowerBound
    let isNegative = bytes[at] == UInt8(ascii: "-")
    if isNegative { at += 1 }
    var value: Int64 = 0
    while at < range.upperBound {
      let b = bytes[at]
      guard b >= UInt8(ascii: "0"), b <= UInt8(ascii: "9") else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let digit = Int64(b - UInt8(ascii: "0"))
      let (sum, carried) =
        isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
      if overflow || carried { return nil }
      value = sum
      at += 1
    }
    return value
  }

  public mutating func boolean() throws(JSONFault) -> Bool {
    if try word("true") { return true }
    if try word("false") { return false }
    throw fault("true or false should stand here")
  }

  public mutating func null() throws(JSONFault) {
    if try !word("null") { throw fault("null should stand here") }
  }

  // MARK: Bytes

  public func fault(_ message: String) -> JSONFault { JSONFault(offset: offset, message: message) }

  private var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }
  private var isDigit: Bool { byte.map { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ?? false }

  private mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  private mutating func open(_ bracket: Unicode.Scalar) throws(JSONFault) {
    skipSpace()
    guard byte == UInt8(ascii: bracket) else {
      throw fault(bracket == "{" ? "an object should stand here" : "an array should stand here")
    }
    if depth == Self.depthLimit { throw fault("nested deeper than \(Self.depthLimit)") }
    depth += 1
    offset += 1
  }

  private mutating func close() {
    depth -= 1
    offset += 1
  }

  private mutating func digits() throws(JSONFault) {
    if !isDigit { throw fault("a digit should stand here") }
    while isDigit { offset += 1 }
  }

  private mutating func word(_ word: StaticString) throws(JSONFault) -> Bool {
    skipSpace()
    let length = word.utf8CodeUnitCount
    guard bytes.count - offset >= length else { return false }
    for i in 0..<length where bytes[offset + i] != word.utf8Start[i] { return false }
    offset += length
    return true
  }

  private mutating func checkEscape() throws(JSONFault) {
    guard offset + 1 < bytes.count else { throw fault("a string does not end") }
    switch bytes[offset + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      offset += 2
    case UInt8(ascii: "u"):
      guard let code = hex4(offset + 2) else { throw fault("\\u needs four hexadecimal digits") }
      if code == 0 { throw fault("U+0000 is not taken") }
      if code & 0xFC00 == 0xDC00 { throw fault("half a surrogate pair") }
      if code & 0xFC00 == 0xD800 {
        guard offset + 7 < bytes.count, bytes[offset + 6] == UInt8(ascii: "\\"),
          bytes[offset + 7] == UInt8(ascii: "u"),
          let low = hex4(offset + 8), low & 0xFC00 == 0xDC00
        else { throw fault("half a surrogate pair") }
        offset += 6
      }
      offset += 6
    default: throw fault("an unknown escape")
    }
  }

  private mutating func checkMultibyte() throws(JSONFault) {
    guard let length = UTF8Check.multibyteLength(bytes, at: offset) else {
      throw fault("the text is not UTF-8")
    }
    offset += length
  }

  private func hex4(_ at: Int) -> UInt32? {
    guard bytes.count - at >= 4 else { return nil }
    var code: UInt32 = 0
    for i in at..<at + 4 {
      guard let digit = Self.hexDigit(bytes[i]) else { return nil }
      code = code << 4 | digit
    }
    return code
  }

  private static func hexDigit(_ b: UInt8) -> UInt32? {
    switch b {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(b - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(b - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(b - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  static func show(_ b: UInt8) -> String {
    b > 0x20 && b < 0x7F ? "'\(Character(Unicode.Scalar(b)))'" : "byte \(b)"
  }
}
