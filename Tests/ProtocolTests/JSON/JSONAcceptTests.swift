import Protocol
import Testing

@Suite struct JSONAcceptTests {
  static let texts: [String: String] = [
    "empty object": "{}", "empty array": "[]", "spaces": " \t\r\n[ \t\r\n] \t\r\n",
    "spaces in an object": "{ \"a\" : 1 , \"b\" : 2 }",
    "bare string": "\"a\"", "bare number": "0", "bare true": "true", "bare false": "false",
    "bare null": "null",
    "minus zero": "-0", "zero with fraction": "0.0", "exponent": "1e5", "exponent plus": "1E+5",
    "exponent minus": "1e-5", "exponent with zeros": "1e007", "fraction and exponent": "-12.340e10",
    "number beyond any double": "1e999999", "long number": String(repeating: "9", count: 400),
    "all short escapes": #""\"\\\/\b\f\n\r\t""#, "upper and lower hex": #""\u00e9\u00E9""#,
    "surrogate pair": #""\ud83d\ude00""#, "last code point": #""\uDBFF\uDFFF""#,
    "non-character": #""\uffff""#, "DEL": "\"\u{7F}\"", "line separator": "\"\u{2028}\"",
    "two bytes": "\"\u{80}\u{7FF}\"", "three bytes": "\"\u{800}\u{D7FF}\u{E000}\u{FFFF}\"",
    "four bytes": "\"\u{10000}\u{10FFFF}\"", "empty name": #"{"": 1}"#,
    "names that only look the same": #"{"a": 1, "A": 2, "a ": 3, "\u00e1": 4, "a\u0301": 5}"#,
    "nested": #"[[[{"a": [{}]}]]]"#, "comma in a string": #"[",", "]"]"#, "BOM": "\u{FEFF}{}",
  ]

  @Test(arguments: texts.keys.sorted()) func `is taken`(name: String) throws {
    _ = try JSONTree(Array(Self.texts[name]!.utf8))
  }

  @Test func `escapes mean what RFC 8259 says`() throws {
    let tree = try JSONTree(Array(#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00\uDBFF\uDFFF""#.utf8))
    #expect(tree == .string("\"\\/\u{8}\u{C}\n\r\tAé😀\u{10FFFF}"))
  }

  @Test(arguments: [
    ("0", 0), ("-0", 0), ("7", 7), ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
  ])
  func `whole numbers are read up to 64 bits`(text: String, value: Int64) throws {
    let bytes = Array(text.utf8)
    let read = try bytes.withUnsafeBufferPointer { (bytes) throws(JSONFault) -> Int64 in
      var reader = JSONReader(bytes)
      return try reader.integer()
    }
    #expect(read == value)
  }

  @Test(arguments: [
    "9223372036854775808", "-9223372036854775809", "1.0", "1e2", "0.5", "-1E0", "99999999999999999999999",
  ])
  func `what is no whole number of 64 bits is a fault where one is asked for`(text: String) {
    let bytes = Array(text.utf8)
    #expect(throws: JSONFault.self) {
      try bytes.withUnsafeBufferPointer { (bytes) throws(JSONFault) in
        var reader = JSONReader(bytes)
        _ = try reader.integer()
      }
    }
  }

  @Test(arguments: ["[", "{\"a\":"])
  func `depth 64 holds and 65 does not`(opening: String) throws {
    func nested(_ depth: Int) -> [UInt8] {
      let close = opening == "[" ? "]" : "}"
      let inner = opening == "[" ? "[]" : "{}"
      return Array(
        (String(repeating: opening, count: depth - 1) + inner + String(repeating: close, count: depth - 1))
          .utf8)
    }
    _ = try JSONTree(nested(64))
    let fault = #expect(throws: JSONFault.self) { try JSONTree(nested(65)) }
    #expect(fault == JSONFault(offset: 64 * opening.utf8.count, message: "nested deeper than 64"))
    _ = #expect(throws: JSONFault.self) { try JSONTree(nested(100_000)) }
  }

  @Test func `depth counts nesting and not how much there was`() throws {
    let many = "[" + Array(repeating: "[[]]", count: 1000).joined(separator: ",") + "]"
    _ = try JSONTree(Array(many.utf8))
  }

  @Test func `a value inside a checked text can be read by its offset`() throws {
    let bytes = Array(#"{"a": 1, "b": ["x", 2]}"#.utf8)
    try bytes.withUnsafeBufferPointer { (bytes) throws(JSONFault) in
      var reader = JSONReader(bytes)
      var at = 0
      try reader.object { (reader, name) throws(JSONFault) in
        _ = try reader.peek()
        if reader.text(name, is: "b") { at = reader.offset }
        try reader.skip()
      }
      var again = JSONReader(bytes, from: at)
      let kind = try again.peek()
      #expect(kind == .array)
      try again.skip()
      #expect(again.offset == bytes.count - 1)
    }
  }
}
