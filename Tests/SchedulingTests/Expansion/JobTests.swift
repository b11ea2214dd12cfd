import Protocol
import Scheduling
import Testing

@Suite struct JobTests {
  @Test func `a family walks the product of only the lists it names, the first name slowest`() throws {
    let layout = try RunLayout(
      #"{"parameters":{"B":["1","2","3"],"UNUSED":["q","r"],"D":"dir","A":["x","y"]},"tasks":{"p":{"job":{"command":["/bin/echo","{{D}}/{{A}}-{{B}}"]},"children":["q"]},"q":{"job":{"command":["/bin/echo","{{A}}"]}},"plain":{"job":{"command":["/bin/echo","{{D}}"]}}}}"#
    )
    #expect(
      layout.liveTasks.map { layout.taskName($0) } == (0..<6).map { "p_\($0)" } + ["q_0", "q_1", "plain"])
    #expect(
      layout.liveTasks.map { layout.job($0).command[1] } == [
        "dir/x-1", "dir/x-2", "dir/x-3", "dir/y-1", "dir/y-2", "dir/y-3", "x", "y", "dir",
      ])
  }

  @Test func `jobDefaults fill what a job leaves out and parameters go everywhere`() throws {
    let layout = try RunLayout(
      #"{"parameters":{"V":["a b","$(id)"],"D":"/usr"},"jobDefaults":{"environment":{"X":"no","Y":"{{V}}"},"cores":0.50,"memoryMB":32,"timeoutSeconds":9,"killGraceSeconds":0},"tasks":{"t":{"job":{"commandString":"pwd; echo {{V}} \"$X/$Y\"","environment":["X={{D}}","Z=\\{{D}}"],"workingDirectory":"{{D}}"}}}}"#
    )
    let job = layout.job(try layout.index("t_1"))
    #expect(job.command == ["/bin/sh", "-c", #"pwd; echo '$(id)' "$X/$Y""#])
    #expect(job.environment == ["X=/usr", "Y=$(id)", "Z={{D}}"])
    #expect(job.workingDirectory == "/usr")
    #expect(job.needs == ResourceVector(milliCores: 500, memoryMB: 32) && job.isMemoryStated)
    #expect(job.timeoutSeconds == 9 && job.killGraceSeconds == 0)
    #expect(layout.family(FamilyIndex(0)).needs == job.needs)
  }

  @Test func `a task's own command beats either in jobDefaults`() throws {
    let layout = try RunLayout(
      #"{"jobDefaults":{"commandString":"echo hello"},"tasks":{"a":{"job":{"command":["x"]}},"b":{}}}"#)
    #expect(layout.job(try layout.index("a")).command == ["x"])
    #expect(layout.job(try layout.index("b")).command == ["/bin/sh", "-c", "echo hello"])
    #expect(!layout.job(try layout.index("a")).isMemoryStated)
  }

  @Test func `a default variable that a task hides expands nothing`() throws {
    let layout = try RunLayout(
      #"{"parameters":{"P":["1","2"]},"jobDefaults":{"environment":["X={{P}}"]},"tasks":{"a":{"job":{"command":["x"],"environment":{"X":"own"}}},"b":{"job":{"command":["x"]}}}}"#
    )
    #expect(layout.liveTasks.map { layout.taskName($0) } == ["a", "b_0", "b_1"])
  }

  @Test func `substitution is one pass and values are taken as written`() throws {
    let layout = try RunLayout(
      #"{"parameters":{"A":"{{B}}","B":1.50,"L":["v","v"]},"tasks":{"a":{"job":{"command":["{{A}}","{{B}}","{{{B}}}","\u007b{B}}"]}},"one":{"job":{"command":["{{L}}"]}}}}"#
    )
    #expect(layout.job(try layout.index("a")).command == ["{{B}}", "1.50", "{1.50}", "1.50"])
    #expect(layout.find(name: "one_1") != nil)
  }

  @Test func `a list of one value makes one task with a number`() throws {
    let layout = try RunLayout(#"{"parameters":{"L":["v"]},"tasks":{"a":{"job":{"command":["{{L}}"]}}}}"#)
    #expect(layout.liveTasks.map { layout.taskName($0) } == ["a_0"])
    #expect(layout.find(name: "a") == .family(FamilyIndex(0)))
  }

  @Test func `what Linux would not start is refused`() {
    let long = String(repeating: "x", count: JobSize.stringLimit)
    #expect(faults(#"{"tasks":{"a":{"job":{"command":["\#(long)"]}}}}"#).isEmpty)
    #expect(
      faults(#"{"tasks":{"a":{"job":{"command":["x\#(long)"]}}}}"#).map(\.path) == ["/tasks/a/job/command/0"])
    let half = String(repeating: "x", count: 70_000)
    #expect(
      faults(#"{"parameters":{"P":"\#(half)"},"tasks":{"a":{"job":{"command":["{{P}}{{P}}"]}}}}"#).map(\.path)
        == ["/tasks/a/job/command/0"])
    let many = Array(repeating: "\"{{P}}\"", count: 8).joined(separator: ",")
    #expect(
      faults(#"{"parameters":{"P":"\#(half)"},"tasks":{"a":{"job":{"command":[\#(many)]}}}}"#).map(\.path)
        == ["/tasks/a/job"])
  }

  @Test func `a fault of jobDefaults is said once`() {
    let text = #"{"jobDefaults":{"command":["{{NOPE}}"]},"tasks":{"a":{},"b":{},"c":{}}}"#
    #expect(faults(text).map(\.path) == ["/jobDefaults/command/0"])
  }

  @Test(arguments: [
    ("cores", "134217.729", "134217.728"), ("cores", "99999999999999999999999.5", "134217.728"),
    ("memoryMB", "134217729", "134217728"), ("memoryMB", "99999999999999999999999", "134217728"),
  ])
  func `an amount beyond what any host has is refused in words`(member: String, value: String, most: String) {
    let found = faults(#"{"tasks":{"t":{"job":{"command":["x"],"\#(member)":\#(value)}}}}"#)
    #expect(found.map(\.path) == ["/tasks/t/job/\(member)"])
    #expect(found.first?.message == "\(member) must be at most \(most), not \(value)")
  }

  @Test func `the largest amounts are taken`() throws {
    let layout = try RunLayout(
      #"{"tasks":{"t":{"job":{"command":["x"],"cores":134217.728,"memoryMB":134217728}}}}"#)
    let needs = layout.job(try layout.index("t")).needs
    #expect(needs == ResourceVector(milliCores: ResourceVector.most, memoryMB: ResourceVector.most))
  }
}
