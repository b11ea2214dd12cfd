import Protocol
import Scheduling

// Any bytes as a DAG: read, checked, expanded within limits, shown; and as what a generator printed.

private let limits = ExpansionLimits(familyTasks: 500, runTasks: 1000, addedEdges: 2000)
/// Tasks of which each family's first and last are made and shown.
private let shownFamilies = 20

private let joined: RunLayout = {
  let text = #"""
    {"parameters": {"X": ["1", "2"]}, "tasks": {
      "gen": {"isGenerator": true, "job": {"command": ["g"]}, "children": ["after"]},
      "after": {"job": {"command": ["a", "{{X}}"]}}}}
    """#
  guard case .plan(let plan) = RunPlan.check(Array(text.utf8)) else { fatalError("no DAG to join") }
  return RunLayout(main: plan)
}()

private func holds(_ faults: [Fault], in text: [UInt8]) {
  check(faults.count <= FaultList.limit, "there are more faults than anybody reads")
  for fault in faults {
    check(!fault.message.isEmpty && fault.line >= 1 && fault.column >= 1, "a fault says too little")
    check(fault.offset >= 0 && fault.offset <= text.count, "a fault is outside of the text")
  }
}

private func show(_ layout: RunLayout) {
  var writer = JSONWriter()
  var tasks = TaskWriter(layout)
  for index in 0..<min(layout.familyCount, shownFamilies) {
    let family = layout.family(FamilyIndex(index))
    let first = layout.first(FamilyIndex(index))
    for place in Set([0, family.count - 1]).sorted() where place >= 0 {
      let task = TaskIndex(first.value + place)
      guard case .task(task) = layout.find(name: layout.taskName(task)) else {
        check(false, "a task is not found by its name")
        return
      }
      tasks.write(task, into: &writer)
      check(!layout.job(task).command.isEmpty, "a job has no command")
    }
  }
  isJSON("[" + String(decoding: writer.bytes, as: UTF8.self) + "]")
}

private func isJSON(_ text: String) {
  Array(text.utf8).withUnsafeBufferPointer { bytes in
    do throws(JSONFault) {
      var reader = JSONReader(bytes)
      try reader.skip()
      try reader.end()
    } catch {
      check(false, "what is shown is no JSON: \(error.message)")
    }
  }
}

private func take(_ checked: Checked, of text: [UInt8], _ isPlan: (RunPlan) -> Void) {
  switch checked {
  case .plan(let plan):
    check(plan.taskCount <= limits.runTasks, "a plan is larger than it may be")
    holds(plan.warnings, in: text)
    isPlan(plan)
  case .faults(let faults, let warnings):
    check(!faults.isEmpty, "a text is refused without a fault")
    holds(faults, in: text)
    holds(warnings, in: text)
  case .notADocument(let fault): holds([fault], in: text)
  case .tooLarge(let tooLarge):
    holds([tooLarge.fault], in: text)
    check(tooLarge.count > tooLarge.limit, "what is not too large is refused as too large")
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let text = Array(UnsafeBufferPointer(start: start, count: count))
  take(RunPlan.check(text, limits: limits), of: text) { plan in
    show(RunLayout(main: plan))
    do throws(Fault) {
      let again = try RunPlan.trusted(plan.document)
      check(again.taskCount == plan.taskCount, "a document is another one when it is read again")
    } catch {
      check(false, "what was accepted is refused later: \(error.message)")
    }
  }
  let generator = TaskIndex(0)
  take(RunPlan.check(generated: text, by: generator, joining: joined, limits: limits), of: text) { plan in
    var layout = joined
    check(layout.clashes(plan).isEmpty, "names clash that were checked")
    layout.add(plan, by: generator)
    show(layout)
  }
  return 0
}
