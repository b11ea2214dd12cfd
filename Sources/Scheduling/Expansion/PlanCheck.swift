import Protocol

/// Finds out what a document means together: names, templates, counts, edges. All faults at once; a fault
/// that only follows from another is not said.
///
/// Three files: this one drives, `PlanCheck+Jobs` looks at templates and sizes, `PlanCheck+Edges` at edges.
final class PlanCheck {
  typealias Bytes = UnsafeBufferPointer<UInt8>
  typealias Node = CycleSearch.Node

  let document: DAGDocument
  let context: JobContext
  let limits: ExpansionLimits
  /// The run that a generator's output joins; nil for a submitted document.
  let joined: RunLayout?
  /// Ends of edges that leave the generator.
  let generatorChildren: Int
  /// What was accepted before is not searched for cycles, quoting or sizes again.
  let isTrusted: Bool
  var faults: FaultList

  var table = NameTable()
  /// Tasks of each family; `Int.max` where it is more.
  var counts: [Int] = []
  var axisStarts: [Int32] = [0]
  var axes: [Int32] = []
  /// Families whose count is not to be trusted: a fault in their templates was said.
  var isUncertain: [Bool] = []
  var isUsed: [Bool]
  /// Bytes of each parameter's longest value, plain and quoted; made when first asked for.
  var longest: [(plain: Int, quoted: Int)?]
  var tooLarge: TooLarge?
  var saidDefaultsNotWhole = false

  init(
    _ read: DocumentReader, joined: RunLayout?, generatorChildren: Int, limits: ExpansionLimits,
    isTrusted: Bool
  ) {
    document = read.document
    faults = read.faults
    self.joined = joined
    self.generatorChildren = generatorChildren
    self.limits = limits
    self.isTrusted = isTrusted
    context = joined?.parts[0].plan.context ?? JobContext(read.document)
    isUsed = Array(repeating: false, count: context.parameters.count)
    longest = Array(repeating: nil, count: context.parameters.count)
    counts.reserveCapacity(document.tasks.count)
  }

  static func check(
    _ text: [UInt8], as form: DocumentReader.Form, joined: RunLayout? = nil, generatorChildren: Int = 0,
    limits: ExpansionLimits, isTrusted: Bool
  ) -> Checked {
    let read: DocumentReader
    do throws(JSONFault) {
      read = try DocumentReader.read(text, as: form)
    } catch {
      let fault = Fault(message: error.message, offset: error.offset)
      let isMarked = text.starts(with: [0xEF, 0xBB, 0xBF])
      let placed = text.withUnsafeBufferPointer {
        Fault.placed([fault], in: Bytes(rebasing: $0[(isMarked && error.offset >= 3 ? 3 : 0)...]))
      }
      return .notADocument(placed[0])
    }
    let check = PlanCheck(
      read, joined: joined, generatorChildren: generatorChildren, limits: limits, isTrusted: isTrusted)
    return check.run()
  }

  private func run() -> Checked {
    let text = document.text
    let shared = context.text
    return text.withUnsafeBufferPointer { text in
      shared.withUnsafeBufferPointer { shared in run(text, shared) }
    }
  }

  private func run(_ text: Bytes, _ shared: Bytes) -> Checked {
    enterNames(text)
    lookAtJobs(text, shared)
    countTasks(text)
    findClashes(text)
    let arcs = resolveEdges(text)
    if !isTrusted { findCycles(arcs, text) }
    var warnings = FaultList()
    warnUnused(&warnings, text)
    if !faults.isEmpty {
      return .faults(faults.placed(in: text), warnings: warnings.placed(in: text))
    }
    if var tooLarge = tooLarge {
      tooLarge.fault = Fault.placed([tooLarge.fault], in: text)[0]
      return .tooLarge(tooLarge)
    }
    return .plan(RunPlan(parts(arcs, warnings.placed(in: text))))
  }

  /// The JSON pointer of a task.
  func path(_ family: Int, _ text: Bytes) -> String {
    (joined == nil ? "/tasks/" : "/") + JSONPointer.token(name(family, text))
  }
  func name(_ family: Int, _ text: Bytes) -> String { document.tasks[family].name.string(in: text) }

  func find(_ name: Bytes, _ text: Bytes) -> Int? {
    table.find(name) { number in
      document.tasks[Int(number)].name.withBytes(in: text) { $0.elementsEqual(name) }
    }.map(Int.init)
  }

  private func enterNames(_ text: Bytes) {
    table.reserve(document.tasks.count)
    for (number, task) in document.tasks.enumerated() {
      task.name.withBytes(in: text) { table.insert(Int32(number), named: $0) }
    }
  }

  func isExpanded(_ family: Int) -> Bool { axisStarts[family] < axisStarts[family + 1] }

  /// Counts before anything is built.
  private func countTasks(_ text: Bytes) {
    var total = joined?.liveTaskCount ?? 0
    for (family, count) in counts.enumerated() {
      total = total.addingReportingOverflow(count).overflow ? Int.max : total + count
      if count > limits.familyTasks, tooLarge == nil {
        refuse(
          "the task \"\(name(family, text))\" expands to \(Self.shown(count)) tasks; a task may expand to \(limits.familyTasks)",
          count: count, limit: limits.familyTasks, at: document.tasks[family].name.quoteOffset,
          path: path(family, text))
      }
    }
    if total > limits.runTasks, tooLarge == nil {
      refuse(
        "the run would have \(Self.shown(total)) tasks; a run may have \(limits.runTasks)", count: total,
        limit: limits.runTasks, at: 0, path: joined == nil ? "/tasks" : "")
    }
    if let joined, tooLarge == nil, joined.taskCount + total > ExpansionLimits.mostTasks {
      refuse(
        "the run has used up its task numbers", count: joined.taskCount + total,
        limit: ExpansionLimits.mostTasks, at: 0, path: "")
    }
  }

  func refuse(_ message: String, count: Int, limit: Int, at offset: Int, path: String) {
    tooLarge = TooLarge(
      fault: Fault(
        message: message, path: path, offset: offset, hint: "the limit is the coordinator's to set"),
      count: count, limit: limit)
  }

  private static func shown(_ count: Int) -> String { count == Int.max ? "more than \(count)" : "\(count)" }

  /// A name written twice over: `a_0` beside an `a` that expands, or a generated name the run has already.
  private func findClashes(_ text: Bytes) {
    for family in document.tasks.indices {
      let span = document.tasks[family].name
      let offset = span.quoteOffset
      span.withBytes(in: text) { bytes in
        if let (stem, ordinal) = TaskName.split(bytes), let other = find(stem, text), isExpanded(other),
          ordinal < counts[other]
        {
          faults.add(
            "\"\(name(family, text))\" is also the name of a task that \"\(name(other, text))\" expands to",
            at: offset, path: path(family, text), hint: "rename one of them")
        }
        guard let joined, let clash = joined.clash(bytes, count: isExpanded(family) ? counts[family] : nil)
        else {
          return
        }
        faults.add(
          "the run has \"\(clash)\" already", at: offset, path: path(family, text),
          hint: "generated names must be new in the run")
      }
    }
  }

  private func warnUnused(_ warnings: inout FaultList, _ text: Bytes) {
    // A generator's output may use what nothing else does.
    if joined != nil || document.tasks.contains(where: \.isGenerator) { return }
    for (index, parameter) in context.parameters.enumerated() where !isUsed[index] && !parameter.isBroken {
      warnings.add(
        "no task uses the parameter \(context.name(index))", at: parameter.name.quoteOffset,
        path: "/parameters/" + JSONPointer.token(context.name(index)))
    }
  }

  private func parts(_ arcs: [CycleSearch.Arc], _ warnings: [Fault]) -> PlanParts {
    var families: [Family] = []
    families.reserveCapacity(counts.count)
    var firsts: [Int32] = []
    firsts.reserveCapacity(counts.count + 1)
    var first: Int32 = 0
    for (index, task) in document.tasks.enumerated() {
      firsts.append(first)
      first += Int32(counts[index])
      families.append(
        Family(
          count: Int32(counts[index]), isExpanded: isExpanded(index), isGenerator: task.isGenerator,
          maxRetries: task.maxRetries, retryIntervalSeconds: task.retryIntervalSeconds,
          maxLost: task.maxLost, lease: task.lease,
          needs: context.needs(milliCores: task.milliCores, memoryMB: task.memoryMB)))
    }
    firsts.append(first)
    let edges = arcs.map { arc in Edge(parent: Endpoint(arc.parent), child: Endpoint(arc.child)) }
    return PlanParts(
      document: document, context: context, graph: PlanGraph(families: families, edges: edges),
      firsts: firsts,
      table: table, axisStarts: axisStarts, axes: axes, warnings: warnings)
  }
}

extension Endpoint {
  init(_ node: CycleSearch.Node) { self.init(family: FamilyIndex(node.family), ordinal: node.ordinal) }
}
