import Protocol
import Testing

@Suite struct TemplateTests {
  private func shown(_ text: String) -> String {
    var text = text
    return text.withUTF8 { bytes in
      var out = ""
      Template.scan(bytes) { piece in
        switch piece {
        case .plain(let range): out += String(decoding: bytes[range], as: UTF8.self)
        case .reference(let range): out += "<" + String(decoding: bytes[range], as: UTF8.self) + ">"
        }
      }
      return out
    }
  }

  @Test(arguments: [
    ("", ""), ("{", "{"), ("{{", "{{"), ("{{A}}", "<A>"), ("x{{A}}y{{_b1}}", "x<A>y<_b1>"),
    ("{{ A }}", "{{ A }}"), ("{{.Names}}", "{{.Names}}"), ("{{A}", "{{A}"), ("{{1A}}", "{{1A}}"),
    ("{{{A}}}", "{<A>}"), (#"\{{A}}"#, "{{A}}"), (#"\\{{A}}"#, #"\{{A}}"#), (#"\{A}"#, #"\{A}"#),
    ("{{A{{B}}", "{{A<B>"), ("{{é}}", "{{é}}"), ("{{}}", "{{}}"),
  ])
  func `double braces around an identifier name a parameter and nothing else does`(text: String, want: String)
  {
    #expect(shown(text) == want)
  }

  @Test func `braces are seen wherever they stand`() {
    for before in 0..<6 {
      for after in 0..<4 {
        let bytes = Array(
          (String(repeating: "x", count: before) + "{{" + String(repeating: "y", count: after)).utf8)
        #expect(bytes.withUnsafeBufferPointer { Template.hasBraces($0) })
      }
    }
    for text in ["", "{", "x{y{z", "}}"] {
      #expect(!Array(text.utf8).withUnsafeBufferPointer { Template.hasBraces($0) })
    }
  }
}
