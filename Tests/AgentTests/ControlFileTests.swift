import Foundation
import System
import Testing

@testable import Agent

struct ControlFileTests {
  private func number(_ name: StaticString, in text: String) -> Int64? {
    Array(text.utf8).withUnsafeBufferPointer { text in
      name.withUTF8Buffer { ControlFile.number($0, in: text) }
    }
  }

  @Test func `a line is found by its whole name`() {
    let events = "populated 1\nfrozen 0\n"
    #expect(number("populated", in: events) == 1)
    #expect(number("frozen", in: events) == 0)
    #expect(number("froze", in: events) == nil && number("rozen", in: events) == nil)
    #expect(number("oom_kill", in: "oom_kill_disable 0\nunder_oom 0\noom_kill 17") == 17)
    #expect(number("oom", in: "oom 3\noom_kill 4\n") == 3)
  }

  @Test func `without a name the first line is the number`() {
    #expect(number("", in: "8392704\n") == 8_392_704)
    #expect(number("", in: "max\n") == nil && number("", in: "") == nil && number("", in: "\n") == nil)
  }

  @Test func `what is no number of 64 bits is none`() {
    #expect(number("a", in: "a 9223372036854775807") == .max)
    #expect(number("a", in: "a 9223372036854775808") == nil)
    #expect(number("a", in: "a -1") == nil && number("a", in: "a ") == nil && number("a", in: "a") == nil)
  }
}
