import Protocol
import Scheduling
import Testing

/// The documents of the REST contract that must be refused, and how.
@Suite struct ContractDocumentTests {
  static let one = #""tasks":{"a":{"job":{"command":["x"]}}}"#

  @Test(arguments: [
    "{", "[]", #"{"tag":"a","tag":"b",\#(one)}"#, #"{\#(one)} x"#, "", #"{"tag":"a","t\u0061g":"b",\#(one)}"#,
    #"{"tag":"\ud800",\#(one)}"#, #"{"tasks":{"a":{"job":{"command":["x\u0000y"]}}}}"#,
    #"{"tasks":{"a":{"job":{"command":["x"],"cores":NaN}}}}"#,
    "{\"tag\":" + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000) + "}",
    String(repeating: "[", count: 100_000),
  ])
  func `what is no JSON object is no document`(text: String) {
    guard case .notADocument(let fault) = RunPlan.check(Array(text.utf8)) else {
      Issue.record("taken: \(text.prefix(80))")
      return
    }
    #expect(!fault.message.isEmpty && fault.line >= 1 && fault.column >= 1)
  }

  @Test func `bytes that are no UTF-8 are no document`() {
    let text = Array("{\"tag\":\"".utf8) + [0xFF] + Array("\",\(Self.one)}".utf8)
    guard case .notADocument(let fault) = RunPlan.check(text) else {
      Issue.record("taken")
      return
    }
    #expect(fault.message.contains("UTF-8"))
    #expect(fault.column == 9)
  }

  @Test(arguments: [
    ("{}", ""), (#"{"tasks":{}}"#, "/tasks"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"cores":"nan"}}}}"#, "/tasks/a/job/cores"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"cores":true}}}}"#, "/tasks/a/job/cores"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"cores":-1}}}}"#, "/tasks/a/job/cores"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"cores":"0.0"}}}}"#, "/tasks/a/job/cores"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"cores":1e2}}}}"#, "/tasks/a/job/cores"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"cores":0.1234}}}}"#, "/tasks/a/job/cores"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"cores":".5"}}}}"#, "/tasks/a/job/cores"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"cores":"{{P}}"}}}}"#, "/tasks/a/job/cores"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"memoryMB":1.5}}}}"#, "/tasks/a/job/memoryMB"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"memoryMB":0}}}}"#, "/tasks/a/job/memoryMB"),
    (#"{"tasks":{"a":{"maxRetries":1.5,"job":{"command":["x"]}}}}"#, "/tasks/a/maxRetries"),
    (#"{"tasks":{"a":{"maxRetries":1.0,"job":{"command":["x"]}}}}"#, "/tasks/a/maxRetries"),
    (#"{"tasks":{"a":{"maxRetries":"3","job":{"command":["x"]}}}}"#, "/tasks/a/maxRetries"),
    (#"{"tasks":{"a":{"maxRetries":2147483648,"job":{"command":["x"]}}}}"#, "/tasks/a/maxRetries"),
    (#"{"tasks":{"a":{"maxRetries":null,"job":{"command":["x"]}}}}"#, "/tasks/a/maxRetries"),
    (
      #"{"tasks":{"a":{"maxRetries":99999999999999999999999,"job":{"command":["x"]}}}}"#,
      "/tasks/a/maxRetries"
    ),
    (#"{"tag":1,\#(one)}"#, "/tag"), (#"{"tag":null,\#(one)}"#, "/tag"),
    (#"{"tag":"{{P}}",\#(one)}"#, "/tag"), (#"{"labels":{"a/b":"{{P}}"},\#(one)}"#, "/labels/a~1b"),
    (#"{"parameters":{"P":[true]},\#(one)}"#, "/parameters/P/0"),
    (#"{"parameters":{"P-Q":"1"},\#(one)}"#, "/parameters/P-Q"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"environment":["A"]}}}}"#, "/tasks/a/job/environment/0"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"environment":["A=1","A=2"]}}}}"#, "/tasks/a/job/environment/1"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"environment":["1A=1"]}}}}"#, "/tasks/a/job/environment/0"),
    (
      #"{"tasks":{"a":{"job":{"command":["x"],"environment":{"CARAVAN_X":"1"}}}}}"#,
      "/tasks/a/job/environment/CARAVAN_X"
    ),
    (#"{"parameters":{"P":[]},"tasks":{"a":{"job":{"command":["{{P}}"]}}}}"#, "/tasks/a/job/command/0"),
    (
      #"{"parameters":{"P":"v"},"tasks":{"a":{"job":{"commandString":"echo '{{P}}'"}}}}"#,
      "/tasks/a/job/commandString"
    ),
    (#"{"tasks":{"a":{"job":{"command":["x"]},"children":["nobody"]}}}"#, "/tasks/a/children/0"),
    (#"{"tasks":{"a":{"job":{"command":["x"]},"children":["a"]}}}"#, "/tasks/a/children/0"),
    (#"{"tasks":{"a":{"job":{"command":[]}}}}"#, "/tasks/a/job/command"),
    (#"{"tasks":{"a":{"job":{"command":[""]}}}}"#, "/tasks/a/job/command/0"),
    (#"{"tasks":{"a":{"job":{"command":"x"}}}}"#, "/tasks/a/job/command"),
    (#"{"tasks":{"a":{"job":{"commandString":""}}}}"#, "/tasks/a/job/commandString"),
    (#"{"tasks":{"a":{"job":{"commandString":3}}}}"#, "/tasks/a/job/commandString"),
    (#"{"tasks":{"a":{"job":{"commandString":"x","command":["x"]}}}}"#, "/tasks/a/job/command"),
    (#"{"tasks":{"a":{"job":{}}}}"#, "/tasks/a/job"), (#"{"tasks":{"a":{}}}"#, "/tasks/a"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"stdin":3}}}}"#, "/tasks/a/job/stdin"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"stdin":{}}}}}"#, "/tasks/a/job/stdin"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"stdin":{"fill":"y"}}}}}"#, "/tasks/a/job/stdin/fill"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"stdin":{"file":""}}}}}"#, "/tasks/a/job/stdin/file"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"stdin":"{{NOPE}}"}}}}"#, "/tasks/a/job/stdin"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"stdin":{"file":"{{NOPE}}"}}}}}"#, "/tasks/a/job/stdin/file"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"umask":27}}}}"#, "/tasks/a/job/umask"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"umask":"028"}}}}"#, "/tasks/a/job/umask"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"umask":"1000"}}}}"#, "/tasks/a/job/umask"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"umask":""}}}}"#, "/tasks/a/job/umask"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"openFiles":15}}}}"#, "/tasks/a/job/openFiles"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"openFiles":"64"}}}}"#, "/tasks/a/job/openFiles"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"pin":1}}}}"#, "/tasks/a/job/pin"),
    (#"{"tasks":{"a":{"job":{"command":["x"],"pin":true,"cores":1.5}}}}"#, "/tasks/a/job"),
    (#"{"jobDefaults":{"pin":true},"tasks":{"a":{"job":{"command":["x"],"cores":0.5}}}}"#, "/tasks/a/job"),
    (
      #"{"tasks":{"a":{"job":{"command":["x"]}},"b":{"job":{"command":["x"]}}},"jobDefaults":{"pin":true,"cores":0.5}}"#,
      "/jobDefaults"
    ),
    (#"{"tasks":{"a":3}}"#, "/tasks/a"), (#"{"tasks":{"a":{"job":3}}}"#, "/tasks/a/job"),
    (#"{"tasks":{"a":{"job":{"command":["{{NOPE}}"]}}}}"#, "/tasks/a/job/command/0"),
    (
      #"{"jobDefaults":{"workingDirectory":"/{{NOPE}}"},"tasks":{"a":{"job":{"command":["x"]}}}}"#,
      "/jobDefaults/workingDirectory"
    ),
    (#"{"tasks":{"a":{"job":{"command":["x"]},"matrix":{}}}}"#, "/tasks/a/matrix"),
    (#"{"tasks":{"a":{"job":{"command":["x"]},"parents":[{"task":"a"}]}}}"#, "/tasks/a/parents/0"),
    (#"{"tasks":{"../a":{"job":{"command":["x"]}}}}"#, "/tasks/..~1a"),
    (#"{"tasks":{"a{{P}}":{"job":{"command":["x"]}}}}"#, "/tasks/a{{P}}"),
    (
      #"{"parameters":{"P":["1","2"]},"tasks":{"a":{"job":{"command":["{{P}}"]}},"a_0":{"job":{"command":["x"]}}}}"#,
      "/tasks/a_0"
    ),
  ])
  func `each fault is said once and where it is`(text: String, path: String) {
    let found = faults(text)
    #expect(found.map(\.path) == [path], "\(text): \(found)")
  }

  @Test func `all faults are said at once with their places`() throws {
    let text =
      "{\n  \"tasks\": {\n    \"fetch\": {\"job\": {\"command\": [\"x\"]}},\n    \"trimming\": {\"job\": {\"command\": []}},\n    \"align\": {\"job\": {\"command\": [\"x\"]},\r\n\t  \"maxRetries\": 0, \"job2\u{e9}\u{1F600}\": 0, \"parents\": [\"fetch\", \"triming\"]}\n  }\n}"
    let found = faults(text)
    #expect(
      found.map(\.path) == [
        "/tasks/trimming/job/command", "/tasks/align/job2\u{e9}\u{1F600}", "/tasks/align/parents/1",
      ])
    let line = Array(
      "\t  \"maxRetries\": 0, \"job2\u{e9}\u{1F600}\": 0, \"parents\": [\"fetch\", \"triming\"]}"
        .unicodeScalars)
    func column(of part: String) -> Int? {
      line.indices.first { line[$0...].starts(with: part.unicodeScalars) }.map { $0 + 1 }
    }
    #expect(found[1].line == 6 && found[1].column == column(of: "\"job2"))
    #expect(found[2].line == 6 && found[2].column == column(of: "\"triming\""))
    #expect(found[2].hint?.contains("trimming") == true)
  }

  @Test func `an unknown member is named with the nearest known one`() {
    let found = faults(#"{"tasks":{"a":{"job":{"command":["x"]},"chidlren":["a"]}}}"#)
    #expect(found.count == 1 && found[0].hint?.contains("children") == true)
  }

  @Test func `a cycle is named in order`() {
    let found = faults(
      #"{"tasks":{"a":{"job":{"command":["x"]},"children":["b"]},"b":{"job":{"command":["x"]},"children":["c"]},"c":{"job":{"command":["x"]},"children":["a"]}}}"#
    )
    #expect(found.count == 1)
    #expect(found.first?.message.contains("a → b → c → a") == true)
    #expect(found.first?.path == "/tasks/a")
  }

  @Test func `an expansion beyond the limit is counted, not built`() {
    let list = "[" + (0..<1000).map { "\"\($0)\"" }.joined(separator: ",") + "]"
    let parameters = "ABCD".map { "\"\($0)\":\(list)" }.joined(separator: ",")
    let text =
      "{\"parameters\":{\(parameters)},\"tasks\":{\"a\":{\"job\":{\"command\":[\"{{A}}{{B}}{{C}}{{D}}\"]}}}}"
    guard case .tooLarge(let tooLarge) = RunPlan.check(Array(text.utf8)) else {
      Issue.record("taken")
      return
    }
    #expect(tooLarge.count == 1_000_000_000_000 && tooLarge.limit == 1_000_000)
    #expect(tooLarge.fault.message.contains("1000000000000") && tooLarge.fault.message.contains("1000000"))
    // A fault comes first.
    let both = text.replacing("\"tasks\":{", with: "\"tag\":1,\"tasks\":{")
    #expect(faults(both).map(\.path) == ["/tag"])
  }

  @Test func `a count saturates`() {
    let list = "[" + (0..<1000).map { "\"\($0)\"" }.joined(separator: ",") + "]"
    let names = "ABCDEFGHIJ"
    let parameters = names.map { "\"\($0)\":\(list)" }.joined(separator: ",")
    let word = names.map { "{{\($0)}}" }.joined()
    let text = "{\"parameters\":{\(parameters)},\"tasks\":{\"a\":{\"job\":{\"command\":[\"\(word)\"]}}}}"
    guard case .tooLarge(let tooLarge) = RunPlan.check(Array(text.utf8)) else {
      Issue.record("taken")
      return
    }
    #expect(tooLarge.count == Int.max)
  }

  @Test func `a run may have only so many tasks over all families`() {
    let text =
      #"{"parameters":{"P":["1","2","3"]},"tasks":{"a":{"job":{"command":["{{P}}"]}},"b":{"job":{"command":["{{P}}"]}}}}"#
    guard case .tooLarge(let tooLarge) = RunPlan.check(Array(text.utf8), limits: ExpansionLimits(runTasks: 5))
    else {
      Issue.record("taken")
      return
    }
    #expect(tooLarge.count == 6 && tooLarge.limit == 5)
  }

  @Test func `more than fifty faults are cut to fifty`() {
    let tasks = (0..<80).map { "\"t\($0)\":{\"job\":{\"command\":[]}}" }.joined(separator: ",")
    #expect(faults("{\"tasks\":{\(tasks)}}").count == FaultList.limit)
  }

  @Test func `a parameter that no task uses is a warning`() throws {
    let made = try plan(#"{"parameters":{"P":"1"},"tasks":{"a":{"job":{"command":["x"]}}}}"#)
    #expect(made.warnings.map(\.path) == ["/parameters/P"])
  }

  @Test func `a byte order mark is skipped and not counted`() {
    let text = [0xEF, 0xBB, 0xBF] + Array(#"{"tag":1,"tasks":{"a":{"job":{"command":["x"]}}}}"#.utf8)
    guard case .faults(let found, _) = RunPlan.check(text) else {
      Issue.record("taken")
      return
    }
    #expect(found.count == 1 && found[0].column == 8)
  }
}
