/// Bytes that are mostly text, as they stand in a message: plain where that is possible and short, else
/// base64.
///
/// Plain needs UTF-8 without U+0000 (the reader refuses it). Text that is mostly escapes also goes as
/// base64, since a control character takes six bytes of JSON: so no value grows to more than 4/3 of itself
/// and a few bytes, and the bounds of a job keep its message inside a frame.
enum WireText {
  /// Escapes that a short text may have before base64 is taken, in bytes: `"a\nb"` stays readable.
  private static let escapeAllowance = 16

  /// Whether the bytes go as a plain JSON string.
  static func isPlain(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var needsCheck = false
    var extra = 0
    var at = 0
    while true {
      at = PlainBytes.end(in: bytes, from: at)
      if at == bytes.count { break }
      switch bytes[at] {
      case 0: return false
      case 8, 9, 10, 12, 13, UInt8(ascii: "\""), UInt8(ascii: "\\"): extra += 1
      case 1..<0x20: extra += 5
      case 0x80...: needsCheck = true
      default: break
      }
      at += 1
    }
    if extra > bytes.count / 3 + escapeAllowance { return false }
    return !needsCheck || UTF8Check.holds(bytes)
  }

  /// `value` as a JSON string, or as `{"base64": "…"}`.
  static func write(_ value: String, to writer: inout JSONWriter) {
    var value = value
    value.withUTF8 { bytes in
      if isPlain(bytes) {
        writer.string(utf8: bytes)
      } else {
        writer.beginObject()
        writer.name("base64")
        Base64.encode(bytes).withUnsafeBufferPointer { writer.string(utf8: $0) }
        writer.endObject()
      }
    }
  }

  /// What `write` wrote. Base64 that is no UTF-8 or holds U+0000 is a fault: it could not be an argument.
  static func read(_ reader: inout JSONReader) throws(JSONFault) -> String {
    guard try reader.peek() == .object else { return try reader.string() }
    let start = reader.offset
    var bytes: [UInt8]?
    try reader.object { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "base64") { bytes = try base64(&reader) } else { try reader.skip() }
    }
    guard let bytes else {
      throw JSONFault(offset: start, message: "a string or {\"base64\": …} should stand here")
    }
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
      throw JSONFault(offset: start, message: "this base64 does not hold text")
    }
    return text
  }

  /// A string of base64, decoded.
  static func base64(_ reader: inout JSONReader) throws(JSONFault) -> [UInt8] {
    let text = try reader.text()
    let raw = text.hasEscapes ? reader.unescaped(text) : Array(reader.bytes[text.raw])
    guard let bytes = Base64.decode(raw) else {
      throw JSONFault(offset: text.offset, message: "this is not base64")
    }
    return bytes
  }

  /// Bytes that words for people may take in JSON: they can hold what a job says (a program's name, a PATH of
  /// 128 KiB), and a list of attempts must still fit its frames.
  static let wordsBytes = 4 << 10

  /// Words for people: U+0000, which no reader takes, becomes U+FFFD; what is too long is cut, marked by "…".
  static func words(_ value: String) -> String {
    if value.utf8.count <= wordsBytes / 6, !value.utf8.contains(0) { return value }
    var words = String.UnicodeScalarView()
    var bytes = 0
    for scalar in value.unicodeScalars {
      let shown = scalar == "\0" ? "\u{FFFD}" : scalar
      // Six is the longest escape, \u001F.
      bytes += shown.value < 0x20 ? 6 : shown == "\"" || shown == "\\" ? 2 : UTF8.width(shown)
      if bytes > wordsBytes { return String(words) + "…" }
      words.append(shown)
    }
    return String(words)
  }
}
