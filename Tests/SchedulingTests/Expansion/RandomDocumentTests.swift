import Protocol
import Scheduling
import Testing

/// Random documents held against a naive model, and random damage that must never crash.
@Suite struct RandomDocumentTests {
  private struct Model {
    var parameters: [(name: String, values: [String])] = []
    /// The parameters each task names, and its parents by number.
    var tasks: [(named: [Int], parents: [Int])] = []

    init(_ generator: inout SeededGenerator) {
      for index in 0..<Int.random(in: 0...4, using: &generator) {
        let count = Int.random(in: 1...4, using: &generator)
        parameters.append(("P\(index)", (0..<count).map { "v\(index)-\($0)" }))
      }
      parameters.shuffle(using: &generator)
      for index in 0..<Int.random(in: 1...6, using: &generator) {
        let named = parameters.indices.filter { _ in Bool.random(using: &generator) }
        let parents = (0..<index).filter { _ in Int.random(in: 0...2, using: &generator) == 0 }
        tasks.append((named, parents))
      }
    }

    var text: String {
      let parameters = self.parameters.map { parameter in
        "\"\(parameter.name)\":[\(parameter.values.map { "\"\($0)\"" }.joined(separator: ","))]"
      }
      let tasks = self.tasks.enumerated().map { index, task in
        let words = task.named.map { "\"{{\(self.parameters[$0].name)}}\"" }
        let parents = task.parents.map { "\"t\($0)\"" }.joined(separator: ",")
        return
          "\"t\(index)\":{\"job\":{\"command\":[\((["\"x\""] + words).joined(separator: ","))]},\"parents\":[\(parents)]}"
      }
      return
        "{\"parameters\":{\(parameters.joined(separator: ","))},\"tasks\":{\(tasks.joined(separator: ","))}}"
    }

    /// Every task's name and command, by nested loops written as recursion.
    var expanded: [(name: String, command: [String])] {
      tasks.enumerated().flatMap { index, task -> [(name: String, command: [String])] in
        let sorted = task.named.sorted { parameters[$0].name < parameters[$1].name }
        var rows: [[Int: String]] = [[:]]
        for parameter in sorted {
          rows = rows.flatMap { row in
            parameters[parameter].values.map { row.merging([parameter: $0]) { $1 } }
          }
        }
        return rows.enumerated().map { ordinal, row in
          (sorted.isEmpty ? "t\(index)" : "t\(index)_\(ordinal)", ["x"] + task.named.map { row[$0] ?? "" })
        }
      }
    }
  }

  private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      // SplitMix64.
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  @Test func `names, order and commands are those of a naive model`() throws {
    for seed in 0..<300 {
      var generator = SeededGenerator(state: UInt64(seed))
      let model = Model(&generator)
      let layout = try RunLayout(model.text)
      let want = model.expanded
      #expect(layout.liveTasks.map { layout.taskName($0) } == want.map(\.name), "seed \(seed)")
      #expect(layout.liveTasks.map { layout.job($0).command } == want.map(\.command), "seed \(seed)")
      for (index, task) in want.enumerated() {
        #expect(layout.find(name: task.name) == .task(TaskIndex(index)))
      }
      for task in layout.liveTasks {
        let family = layout.locate(task).family
        #expect(
          layout.names(layout.parents(of: task)) == model.tasks[Int(family.value)].parents.map { "t\($0)" })
      }
    }
  }

  @Test func `damaged documents are refused or taken and never crash`() throws {
    let whole = Array(
      #"{"tag":"t","labels":{"a":"b"},"parameters":{"P":["1","2\u00e9"],"Q":3},"jobDefaults":{"environment":{"X":"{{Q}}"}},"tasks":{"a":{"job":{"commandString":"echo {{P}} \"$X\" `id` $(date)","environment":["Y={{P}}"],"cores":"0.5"},"children":["b_0"],"maxRetries":2},"b":{"job":{"command":["{{P}}","\\{{"]},"isGenerator":true}}}"#
        .utf8)
    _ = try plan(String(decoding: whole, as: UTF8.self))
    let pieces = Array("{}[]\",:\\{{P}}_0abnull1.5e9\u{e9}'`$(#<\n".utf8)
    for seed in 0..<3000 {
      var generator = SeededGenerator(state: UInt64(seed))
      var text = whole
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let at = Int.random(in: 0..<text.count, using: &generator)
        switch Int.random(in: 0...3, using: &generator) {
        case 0: text[at] = UInt8.random(in: 0...255, using: &generator)
        case 1: text.remove(at: at)
        case 2: text.insert(pieces.randomElement(using: &generator) ?? 0, at: at)
        default: text.removeSubrange(at..<min(text.count, at + Int.random(in: 1...9, using: &generator)))
        }
        if text.isEmpty { break }
      }
      guard case .plan(let plan) = RunPlan.check(text) else { continue }
      let layout = RunLayout(main: plan)
      var writer = JSONWriter()
      for task in layout.liveTasks { layout.writeTask(task, into: &writer) }
    }
  }
}
