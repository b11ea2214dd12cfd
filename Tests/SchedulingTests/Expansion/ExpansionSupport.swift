import Protocol
import Scheduling
import Testing

/// Shorthand for tests of documents.
struct NotAPlan: Error, CustomStringConvertible {
  var description: String
}

func plan(_ text: String) throws -> RunPlan {
  switch RunPlan.check(Array(text.utf8)) {
  case .plan(let plan): return plan
  case let other: throw NotAPlan(description: "\(other)")
  }
}

func faults(_ text: String) -> [Fault] {
  if case .faults(let faults, _) = RunPlan.check(Array(text.utf8)) { return faults }
  return []
}

func generated(_ text: String, by generator: String, in layout: RunLayout) throws -> RunPlan {
  guard case .task(let task)? = layout.find(name: generator) else {
    throw NotAPlan(description: "no \(generator)")
  }
  switch RunPlan.check(generated: Array(text.utf8), by: task, joining: layout) {
  case .plan(let plan): return plan
  case let other: throw NotAPlan(description: "\(other)")
  }
}

extension RunLayout {
  init(_ text: String) throws { self.init(main: try plan(text)) }

  func index(_ name: String) throws -> TaskIndex {
    guard case .task(let task)? = find(name: name) else { throw NotAPlan(description: "no task \(name)") }
    return task
  }

  func names(_ ends: [Endpoint]) -> [String] {
    ends.map { end in familyName(end.family) + (end.ordinal.map { "_\($0)" } ?? "") }
  }

  func shown(_ name: String) throws -> String {
    var writer = JSONWriter()
    writeTask(try index(name), into: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
