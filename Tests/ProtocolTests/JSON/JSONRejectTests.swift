import Protocol
import Testing

@Suite struct JSONRejectTests {
  /// A text that is not JSON as it is taken here, and the offset that the fault names.
  struct Case: Sendable, CustomTestStringConvertible {
    let text: [UInt8]
    let offset: Int
    init(_ text: String, at offset: Int) {
      self.text = Array(text.utf8)
      self.offset = offset
    }
    init(bytes text: [UInt8], at offset: Int) {
      self.text = text
      self.offset = offset
    }
    var testDescription: String { String(decoding: text.prefix(40), as: UTF8.self) }
  }

  static let structure = [
    Case("", at: 0), Case("   ", at: 3), Case("\u{FEFF}", at: 3), Case("\u{FEFF}\u{FEFF}{}", at: 3),
    Case("{", at: 1), Case("[", at: 1), Case("}", at: 0), Case("]", at: 0), Case("[}", at: 1),
    Case("{]", at: 1),
    Case("[1", at: 2), Case("[1,", at: 3), Case("[1,]", at: 3), Case("[,1]", at: 1), Case("[1,,2]", at: 3),
    Case("[1 2]", at: 3), Case("[1:2]", at: 2), Case("[1}", at: 2), Case("{\"a\"", at: 4),
    Case("{\"a\":", at: 5),
    Case("{\"a\":1", at: 6), Case("{\"a\":1,", at: 7), Case("{\"a\":1,}", at: 7), Case("{,}", at: 1),
    Case("{\"a\" 1}", at: 5), Case("{\"a\":1 \"b\":2}", at: 7), Case("{a:1}", at: 1), Case("{'a':1}", at: 1),
    Case("{1:1}", at: 1), Case("{null:1}", at: 1), Case("{\"a\"::1}", at: 5), Case("{\"a\":1]", at: 6),
    Case("1 2", at: 2), Case("{}{}", at: 2), Case("{}x", at: 2), Case("[],", at: 2),
    Case("\"a\"\"b\"", at: 3),
    Case("[1]//", at: 3), Case("/**/1", at: 0), Case("[\u{A0}]", at: 1), Case("\u{C}1", at: 0),
    Case("\u{2028}1", at: 0),
    Case("{}\0", at: 2), Case("\0", at: 0),
  ]
  static let words = [
    Case("True", at: 0), Case("tru", at: 0), Case("truf", at: 0), Case("truee", at: 4), Case("fals", at: 0),
    Case("nul", at: 0), Case("nulll", at: 4), Case("NULL", at: 0), Case("undefined", at: 0),
    Case("NaN", at: 0),
    Case("Infinity", at: 0), Case("-Infinity", at: 1), Case("nan", at: 0), Case("[tru]", at: 1),
    Case("t", at: 0),
  ]
  static let numbers = [
    Case("-", at: 1), Case("+1", at: 0), Case("01", at: 1), Case("-01", at: 2), Case("00", at: 1),
    Case(".5", at: 0),
    Case("5.", at: 2), Case("5.e1", at: 2), Case("1e", at: 2), Case("1e+", at: 3), Case("1e+-1", at: 3),
    Case("1e1.5", at: 3), Case("1.2.3", at: 3), Case("0x10", at: 1), Case("1_000", at: 1), Case("1a", at: 1),
    Case("--1", at: 1), Case("- 1", at: 1), Case("[-]", at: 2), Case("1 000", at: 2), Case("1,5", at: 1),
    Case("\u{FF11}", at: 0), Case("0.", at: 2), Case("-.5", at: 1), Case("[1.]", at: 3), Case("2e", at: 2),
  ]
  static let strings = [
    Case("\"", at: 0), Case("\"a", at: 0), Case("[\"a]", at: 1), Case("\"\\", at: 1), Case("\"\\\"", at: 0),
    Case("\"\\x41\"", at: 1), Case("\"\\'\"", at: 1), Case("\"\\0\"", at: 1), Case("\"\\a\"", at: 1),
    Case("\"\\U0041\"", at: 1), Case("\"\\u\"", at: 1), Case("\"\\u1\"", at: 1), Case("\"\\u123", at: 1),
    Case("\"\\u123g\"", at: 1), Case("\"\\u+123\"", at: 1), Case("\"\\u 123\"", at: 1),
    Case("\"\\u{41}\"", at: 1),
    Case("\"\n\"", at: 1), Case("\"\t\"", at: 1), Case("\"\u{1F}\"", at: 1), Case("\"a\0b\"", at: 2),
    Case("\"\\u0000\"", at: 1), Case("\"\\ud800\"", at: 1), Case("\"\\udc00\"", at: 1),
    Case("\"\\ud800\\u0041\"", at: 1), Case("\"\\ud800\\ud800\"", at: 1), Case("\"\\udc00\\ud800\"", at: 1),
    Case("\"\\ud83d", at: 1), Case("\"\\ud83d\\", at: 1), Case("\"\\ud83d\\u", at: 1),
    Case("\"\\ud83d\\ude0", at: 1),
    Case("\"\\ud83dx\\ude00\"", at: 1), Case("\"\\ud83d\\n\"", at: 1), Case("'a'", at: 0),
    Case("\u{201C}a\u{201D}", at: 0),
    Case("{\"\\ud800\":1}", at: 2), Case("{\"a\nb\":1}", at: 3),
  ]

  @Test(arguments: structure + words + numbers + strings) func `is refused at its offset`(text: Case) {
    let fault = #expect(throws: JSONFault.self) { try JSONTree(text.text) }
    #expect(fault?.offset == text.offset, "\(fault?.message ?? "")")
  }

  /// RFC 3629: what looks like UTF-8 and is not.
  static let notUTF8: [[UInt8]] = [
    [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x22], [0xC2, 0xC2], [0xDF, 0x7F],
    [0xDF, 0xC0],
    [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xE0, 0xA0], [0xE1, 0x80], [0xE1, 0x80, 0x7F],
    [0xE1, 0x80, 0xC0],
    [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xEF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
    [0xF0, 0x90, 0x80], [0xF1, 0x80, 0x80, 0x7F], [0xF1, 0x80, 0x7F, 0x80], [0xF4, 0x90, 0x80, 0x80],
    [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF],
  ]

  @Test(arguments: notUTF8) func `bytes that are no UTF-8 are refused where they stand`(bytes: [UInt8]) {
    let quote = UInt8(ascii: "\"")
    for tail in [[quote], [], [UInt8(ascii: "a"), quote]] {
      let fault = #expect(throws: JSONFault.self) { try JSONTree([quote, UInt8(ascii: "x")] + bytes + tail) }
      #expect(fault == JSONFault(offset: 2, message: "the text is not UTF-8"))
    }
    #expect(throws: JSONFault.self) { try JSONTree(bytes) }
    #expect(!bytes.withUnsafeBufferPointer { UTF8Check.holds($0) })
  }

  @Test func `every code point is UTF-8 and nothing else of two bytes is`() {
    for scalar in (0...0x10FFFF).lazy.compactMap({ Unicode.Scalar(UInt32($0)) }) where scalar.value % 7 == 0 {
      let bytes = Array(String(scalar).utf8)
      if !bytes.withUnsafeBufferPointer({ UTF8Check.holds($0) }) { Issue.record("\(scalar.value)") }
    }
    for a in UInt8.min...UInt8.max {
      for b in UInt8.min...UInt8.max {
        let bytes = [a, b]
        let holds = bytes.withUnsafeBufferPointer { UTF8Check.holds($0) }
        if holds != (String(validating: bytes, as: UTF8.self) != nil) { Issue.record("\(bytes)") }
      }
    }
  }

  @Test(arguments: [
    (#"{"a":1,"a":2}"#, 7), (#"{"a":1,"\u0061":2}"#, 7), (#"{"\u0061":1,"a":2}"#, 12),
    (#"{"😀":1,"\ud83d\ude00":2}"#, 10), (#"[{"x":{"b":1,"c":2,"b":3}}]"#, 19), (#"{"":1,"":2}"#, 6),
    (#"{"/":1,"\/":2}"#, 7),
  ])
  func `a name twice is a fault at the second, escapes resolved`(text: String, offset: Int) {
    let fault = #expect(throws: JSONFault.self) { try JSONTree(Array(text.utf8)) }
    #expect(fault?.offset == offset)
  }

  @Test(arguments: [2, 15, 16, 17, 18, 19, 40, 1000])
  func `a name twice is found in an object of any size`(count: Int) throws {
    let members = (0..<count).map { "\"n\($0)\":\($0)" }
    _ = try JSONTree(Array(("{" + members.joined(separator: ",") + "}").utf8))
    for twice in [0, count / 2, count - 1] {
      let text = "{" + members.joined(separator: ",") + ",\"\\u006e\(twice)\":0}"
      let fault = #expect(throws: JSONFault.self) { try JSONTree(Array(text.utf8)) }
      #expect(fault?.message == "the member \"n\(twice)\" is there twice")
    }
  }

  @Test func `a fault does not repeat a long name whole`() {
    let name = String(repeating: "é", count: 100_000)
    let fault = #expect(throws: JSONFault.self) { try JSONTree(Array("{\"\(name)\":1,\"\(name)\":2}".utf8)) }
    #expect(fault?.message == "the member \"\(name.prefix(200))…\" is there twice")
  }

  @Test func `a fault's place is counted in lines and code points`() {
    func position(_ text: String, _ offset: Int) -> TextPosition {
      Array(text.utf8).withUnsafeBufferPointer { TextPosition(ofOffset: offset, in: $0) }
    }
    let text = "ab\n\u{E9}\u{1F600}e\u{301}x\r\ny"
    let places = [
      (0, 1, 1), (2, 1, 3), (3, 2, 1), (5, 2, 2), (9, 2, 3), (10, 2, 4), (12, 2, 5), (14, 2, 7), (15, 3, 1),
    ]
    for (offset, line, column) in places {
      let found = position(text, offset)
      #expect(found.line == line && found.column == column, "offset \(offset)")
    }
    #expect(position("\u{FEFF}{x", 4).column == 2, "a BOM is not seen by who looks at the text")
  }
}
