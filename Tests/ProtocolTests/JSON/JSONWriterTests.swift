import Protocol
import Testing

@Suite struct JSONWriterTests {
  private func written(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    body(&writer)
    return String(decoding: writer.take(), as: UTF8.self)
  }

  @Test func `commas stand between values and nowhere else`() {
    let text = written {
      $0.object {
        $0.member("a", 1)
        $0.member("b") { $0.array { _ in } }
        $0.member("c") {
          $0.array {
            $0.object { _ in }
            $0.integer(2)
            $0.null()
            $0.array { $0.boolean(true) }
            $0.raw("[3]".utf8)
          }
        }
        $0.member("d", "x")
        $0.member("e", false)
      }
    }
    #expect(text == #"{"a":1,"b":[],"c":[{},2,null,[true],[3]],"d":"x","e":false}"#)
  }

  @Test func `what must be escaped is, and nothing else`() {
    let text = written { $0.string("\"\\/\u{8}\u{C}\n\r\t\u{0}\u{1}\u{B}\u{1F}\u{7F}é😀") }
    #expect(text == #""\"\\/\b\f\n\r\t\u0000\u0001\u000b\u001f"# + "\u{7F}é😀\"")
  }

  @Test func `integers of every size`() {
    let text = written {
      $0.array {
        for value in [0, 9, 10, -1, 99, 100, Int64.max, Int64.min] { $0.integer(value) }
        $0.integer(UInt64.max)
        $0.integer(UInt8.max)
        $0.integer(Int8.min)
      }
    }
    #expect(
      text == "[0,9,10,-1,99,100,9223372036854775807,-9223372036854775808,18446744073709551615,255,-128]")
  }

  @Test func `bytes that are no UTF-8 are shown as U+FFFD`() {
    #expect(written { $0.string(lossy: [0x61, 0xFF, 0x62]) } == "\"a\u{FFFD}b\"")
  }

  @Test func `a writer that was emptied begins anew`() {
    var writer = JSONWriter()
    writer.integer(1)
    #expect(writer.take() == Array("1".utf8))
    writer.integer(2)
    #expect(writer.take() == Array("2".utf8))
  }

  @Test(arguments: 0..<200) func `what is written is read back the same`(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let tree = JSONTree(random: &random, depth: 5)
    var writer = JSONWriter()
    tree.write(to: &writer)
    #expect(try JSONTree(writer.bytes) == tree)
  }

  @Test(arguments: 0..<100) func `mutated texts are read or refused`(seed: Int) {
    var random = SeededRandom(seed: 1000 + UInt64(seed))
    var writer = JSONWriter()
    JSONTree(random: &random, depth: 4).write(to: &writer)
    let text = writer.take()
    for _ in 0..<200 {
      let mutated = random.mutated(text)
      do throws(JSONFault) {
        let tree = try JSONTree(mutated)
        var again = JSONWriter()
        tree.write(to: &again)
        if (try? JSONTree(again.bytes)) != tree { Issue.record("\(mutated)") }
      } catch {
        if !(0...mutated.count).contains(error.offset) { Issue.record("\(error) \(mutated)") }
      }
    }
  }

  @Test func `every beginning of a text is refused without reading past it`() {
    let text = Array(#"{"a\u00e9\ud83d\ude00é😀": [true, false, null, -12.5e+3, "x"], "b": {}}"#.utf8)
    for length in 0..<text.count {
      let fault = #expect(throws: JSONFault.self) { try JSONTree(Array(text[..<length])) }
      #expect(fault.map { $0.offset <= length } == true)
    }
  }
}
