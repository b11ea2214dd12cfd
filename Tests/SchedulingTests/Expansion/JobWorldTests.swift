import Protocol
import Testing

@testable import Scheduling

/// What few jobs say of their process: stdin, umask, openFiles, pin.
@Suite struct JobWorldTests {
  @Test func `it is substituted, filled in from jobDefaults, and shown as it was said`() throws {
    let layout = try RunLayout(
      #"{"parameters":{"N":["1","2"]},"jobDefaults":{"stdin":"all {{N}}","umask":"7","openFiles":64,"pin":true},"tasks":{"own":{"job":{"command":["x"],"stdin":{"file":"in/{{N}}"},"umask":"027","openFiles":16,"pin":false,"cores":0.5}},"left":{"job":{"command":["x"],"cores":2}}}}"#
    )
    let own = try #require(layout.job(try layout.index("own_1")).world)
    #expect(own == Job.World(stdin: .file("in/2"), umask: FileMask(octal: "027".utf8), openFiles: 16))
    let left = try #require(layout.job(try layout.index("left_0")).world)
    #expect(
      left.stdin == .text("all 1") && left.umask?.text == "007" && left.openFiles == 64 && left.isPinned)
    #expect(
      try layout.shown("own_1").contains(#""stdin":{"file":"in/2"},"umask":"027","openFiles":16}"#))
    #expect(
      try layout.shown("left_0").contains(#""stdin":"all 1","umask":"007","openFiles":64,"pin":true}"#))
  }

  @Test func `a job that says nothing of it has none`() throws {
    let layout = try RunLayout(#"{"tasks":{"a":{"job":{"command":["x"],"pin":false}}}}"#)
    #expect(layout.job(try layout.index("a")).world == nil)
    #expect(try !layout.shown("a").contains("pin"))
  }

  @Test func `a stdin that is text has a bound, apart from that of command and environment`() throws {
    func document(_ bytes: Int, _ input: String = "{{P}}") -> String {
      let half = String(repeating: "x", count: bytes / 2)
      return
        #"{"parameters":{"P":"\#(half)"},"tasks":{"a":{"job":{"command":["x"],"stdin":"\#(input)\#(half)"}}}}"#
    }
    let layout = try RunLayout(document(JobSize.inputLimit))
    guard case .text(let text)? = layout.job(try layout.index("a")).world?.stdin else {
      return #expect(Bool(false))
    }
    #expect(text.utf8.count == JobSize.inputLimit)
    let found = faults(document(JobSize.inputLimit, "y{{P}}"))
    #expect(found.map(\.path) == ["/tasks/a/job/stdin"])
    #expect(found.first?.message.contains("\(JobSize.inputLimit)") == true)
    #expect(found.first?.hint?.contains("file") == true)
  }

  @Test func `a pinned job that says no cores takes the one that is the default`() throws {
    let layout = try RunLayout(#"{"tasks":{"a":{"job":{"command":["x"],"pin":true}}}}"#)
    #expect(layout.job(try layout.index("a")).world?.isPinned == true)
  }
}
