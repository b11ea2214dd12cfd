import Protocol
import Scheduling
import Testing

@Suite struct RunLayoutTests {
  private static let document =
    #"{"parameters":{"N":["7","8"]},"jobDefaults":{"memoryMB":7},"tasks":{"gen":{"isGenerator":true,"job":{"command":["x"]},"children":["end"]},"end":{"job":{"command":["x"]}},"side":{"job":{"command":["{{N}}"]}},"w_0":{"job":{"command":["x"]}}}}"#
  private static let output =
    #"{"g1":{"job":{"command":["echo","{{N}}"]},"children":["g2"]},"g2":{"isGenerator":true,"job":{"command":["x"]}}}"#

  @Test func `what a generator makes stands between it and what follows it`() throws {
    var layout = try RunLayout(Self.document)
    let gen = try layout.index("gen")
    let before = layout.taskCount
    let addition = layout.add(try generated(Self.output, by: "gen", in: layout), by: gen)
    #expect(
      addition.part == 1 && addition.firstFamily == FamilyIndex(4) && addition.firstTask == TaskIndex(before))
    let whole = { (family: Int) in Endpoint(family: FamilyIndex(family)) }
    #expect(
      Set(addition.graph.edges) == [
        Edge(parent: whole(4), child: whole(5)), Edge(parent: whole(0), child: whole(4)),
        Edge(parent: whole(0), child: whole(5)), Edge(parent: whole(4), child: whole(1)),
        Edge(parent: whole(5), child: whole(1)),
      ])
    #expect(layout.liveTasks.map { layout.taskName($0) }.suffix(3) == ["g1_0", "g1_1", "g2"])
    #expect(layout.job(try layout.index("g1_1")).command == ["echo", "8"])
    #expect(layout.job(try layout.index("g1_1")).needs.memoryMB == 7)
    #expect(layout.names(layout.parents(of: try layout.index("end"))) == ["gen", "g1", "g2"])
    #expect(layout.names(layout.children(of: gen)) == ["end", "g1", "g2"])
    #expect(layout.names(layout.children(of: try layout.index("g1_0"))) == ["end", "g2"])
    #expect(layout.names(layout.parents(of: try layout.index("g2"))) == ["gen", "g1"])
  }

  @Test func `a generated generator hands on what follows, and is dropped with its maker`() throws {
    var layout = try RunLayout(Self.document)
    let gen = try layout.index("gen")
    layout.add(try generated(Self.output, by: "gen", in: layout), by: gen)
    let nested = try layout.index("g2")
    let addition = layout.add(
      try generated(#"{"n":{"job":{"command":["x"]}}}"#, by: "g2", in: layout), by: nested)
    #expect(addition.part == 2)
    #expect(layout.names(layout.children(of: try layout.index("n"))) == ["end"])
    #expect(layout.names(layout.parents(of: try layout.index("end"))) == ["gen", "g1", "g2", "n"])
    let size = layout.taskCount
    #expect(layout.drop(generator: gen) == [1, 2])
    #expect(
      layout.find(name: "g1") == nil && layout.find(name: "n") == nil && layout.find(name: "g1_0") == nil)
    #expect(layout.taskCount == size && layout.liveTaskCount == 5)
    #expect(layout.names(layout.parents(of: try layout.index("end"))) == ["gen"])
    // Their names are free, their indices are not.
    layout.add(try generated(Self.output, by: "gen", in: layout), by: gen)
    #expect(try layout.index("g1_0") == TaskIndex(size))
    #expect(layout.drop(generator: TaskIndex(1)) == [])
  }

  @Test(arguments: [
    (#"{"end":{"job":{"command":["x"]}}}"#, "/end"), (#"{"side_1":{"job":{"command":["x"]}}}"#, "/side_1"),
    (#"{"w":{"job":{"command":["{{N}}"]}}}"#, "/w"),
    (#"{"x":{"job":{"command":["x"]},"children":["end"]}}"#, "/x/children/0"),
    (#"{"x":{"job":{"command":[]}}}"#, "/x/job/command"),
    (#"{"good":{"job":{"command":["x"]}},"bad":{"job":{"command":["{{M}}"]}}}"#, "/bad/job/command/0"),
  ])
  func `names must be new and edges stay inside`(output: String, path: String) throws {
    let layout = try RunLayout(Self.document)
    guard
      case .faults(let found, _) = RunPlan.check(
        generated: Array(output.utf8), by: TaskIndex(0), joining: layout)
    else {
      Issue.record("taken: \(output)")
      return
    }
    #expect(found.map(\.path) == [path])
  }

  @Test func `an empty output is fine`() throws {
    var layout = try RunLayout(Self.document)
    let addition = layout.add(try generated("{}", by: "gen", in: layout), by: TaskIndex(0))
    #expect(addition.graph.families.isEmpty && addition.graph.edges.isEmpty)
    let next = layout.add(try generated(Self.output, by: "gen", in: layout), by: TaskIndex(0))
    #expect(layout.taskName(next.firstTask) == "g1_0")
    #expect(layout.locate(next.firstTask).family == next.firstFamily)
  }

  @Test func `a name that came in after the check is found`() throws {
    var layout = try RunLayout(Self.document)
    let late = try generated(Self.output, by: "gen", in: layout)
    #expect(layout.clashes(late).isEmpty)
    layout.add(try generated(#"{"g2":{"job":{"command":["x"]}}}"#, by: "gen", in: layout), by: TaskIndex(0))
    #expect(layout.clashes(late).map(\.path) == ["/g2"])
  }

  @Test func `limits count over the whole run`() throws {
    let layout = try RunLayout(Self.document)
    guard
      case .tooLarge(let tooLarge) = RunPlan.check(
        generated: Array(Self.output.utf8), by: TaskIndex(0), joining: layout,
        limits: ExpansionLimits(runTasks: 7))
    else {
      Issue.record("taken")
      return
    }
    #expect(tooLarge.count == 8)
    guard
      case .tooLarge = RunPlan.check(
        generated: Array(Self.output.utf8), by: TaskIndex(0), joining: layout,
        limits: ExpansionLimits(addedEdges: 4))
    else {
      Issue.record("taken")
      return
    }
  }

  @Test func `a stored document is read again to the same plan`() throws {
    var layout = try RunLayout(Self.document)
    let again = RunLayout(main: try RunPlan.trusted(Array(Self.document.utf8)))
    #expect(again.parts[0].plan.graph.edges == layout.parts[0].plan.graph.edges)
    let part = try RunPlan.trusted(generated: Array(Self.output.utf8), joining: again)
    layout.add(part, by: TaskIndex(0))
    #expect(try layout.index("g1_1") == TaskIndex(6))
    #expect(throws: Fault.self) { try RunPlan.trusted(Array("{".utf8)) }
  }
}
