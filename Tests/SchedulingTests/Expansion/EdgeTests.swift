import Protocol
import Scheduling
import Testing

@Suite struct EdgeTests {
  private func task(_ name: String, _ word: String = "x", _ more: String = "") -> String {
    #""\#(name)":{"job":{"command":["\#(word)"]}\#(more.isEmpty ? "" : "," + more)}"#
  }
  private func document(_ tasks: String...) -> String {
    #"{"parameters":{"P":["1","2","3"]},"tasks":{\#(tasks.joined(separator: ","))}}"#
  }

  @Test func `an edge said on both sides, and a name twice, count once`() throws {
    let layout = try RunLayout(
      document(
        task("a", "{{P}}", #""children":["b","b"]"#), task("b", "x", #""parents":["a"]"#),
        task("c", "x", #""parents":["a_0"]"#)))
    #expect(layout.parts[0].plan.graph.edges.count == 2)
    #expect(layout.names(layout.parents(of: try layout.index("b"))) == ["a"])
    #expect(layout.names(layout.parents(of: try layout.index("c"))) == ["a_0"])
    #expect(layout.names(layout.children(of: try layout.index("a_0"))) == ["b", "c"])
    #expect(layout.names(layout.children(of: try layout.index("a_1"))) == ["b"])
    #expect(try layout.shown("b").contains(#""parents":["a_0","a_1","a_2"]"#))
  }

  @Test func `one of a family named beside all of it is shown once`() throws {
    let layout = try RunLayout(document(task("a", "{{P}}"), task("b", "x", #""parents":["a_1","a"]"#)))
    #expect(try layout.shown("b").contains(#""parents":["a_0","a_1","a_2"]"#))
  }

  @Test func `a number beyond a family is said with its range`() {
    let found = faults(document(task("a", "{{P}}"), task("b", "x", #""parents":["a_9","a_01"]"#)))
    #expect(found.count == 2)
    #expect(found.first?.message.contains("a_0 to a_2") == true)
  }

  @Test func `one task of a family is a node of its own`() throws {
    _ = try plan(
      document(
        task("A", "x", #""children":["B_0"]"#), task("B", "{{P}}"),
        task("C", "x", #""parents":["B_1"],"children":["A"]"#)))
    let found = faults(
      document(
        task("A", "x", #""children":["B_0"]"#), task("B", "{{P}}"),
        task("C", "x", #""parents":["B_0"],"children":["A"]"#)))
    #expect(found.count == 1 && found.first?.message.contains("A → B_0 → C → A") == true)
    // All of B comes before C, and so B_0.
    let whole = faults(
      document(
        task("A", "x", #""children":["B_0"]"#), task("B", "{{P}}"),
        task("C", "x", #""parents":["B"],"children":["A"]"#)))
    #expect(whole.count == 1)
  }

  @Test func `a family that waits for one of its own waits for itself`() {
    #expect(faults(document(task("a", "{{P}}", #""parents":["a_1"]"#))).map(\.path) == ["/tasks/a/parents/0"])
  }

  @Test func `cycles apart are each said`() {
    let found = faults(
      document(
        task("a", "x", #""parents":["b"]"#), task("b", "x", #""parents":["a"]"#),
        task("c", "x", #""parents":["d"]"#), task("d", "x", #""parents":["c"]"#)))
    #expect(found.map(\.path) == ["/tasks/a", "/tasks/c"])
  }

  @Test func `a cycle of 100,000 tasks is found and cut`() {
    let count = 100_000
    let tasks = (0..<count).map { task("t\($0)", "x", #""parents":["t\#(($0 + 1) % count)"]"#) }
    let found = faults(#"{"tasks":{\#(tasks.joined(separator: ","))}}"#)
    #expect(found.count == 1 && (found.first?.message.utf8.count ?? 0) < 1000)
  }

  @Test func `a list of more than a thousand names holds families`() throws {
    let values = (0..<1001).map { "\"\($0)\"" }.joined(separator: ",")
    let layout = try RunLayout(
      #"{"parameters":{"P":[\#(values)]},"tasks":{\#(task("a", "{{P}}")),\#(task("b", "x", #""parents":["a"]"#))}}"#
    )
    #expect(
      try layout.shown("b").hasSuffix(#""parents":["a"],"isGenerator":false,"parentsAreFamilies":true}"#))
  }

  @Test func `a task is shown as in the contract`() throws {
    let layout = try RunLayout(
      #"{"tasks":{"simple":{"job":{"command":["/usr/bin/python3","script.py","1"]}}}}"#)
    #expect(
      try layout.shown("simple")
        == #"{"maxRetries":0,"retryIntervalSeconds":0,"job":{"environment":[],"memoryMB":"100","cores":"1","command":["/usr/bin/python3","script.py","1"]},"children":[],"parents":[],"isGenerator":false}"#
    )
  }
}
