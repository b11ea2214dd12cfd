import Protocol
import Scheduling

/// A part of a run, as `RunLayout` has it: the submitted document or what a generator added; without texts.
struct RunPart {
  var firstFamily: Int32
  var firstTask: Int32
  /// nil: the submitted document.
  var generator: TaskIndex?
  var isDropped = false
  /// Families and edges by the run's numbers; edges that tie the part to the run are in it.
  var graph: PlanGraph
  /// Stands for the names of the part's families: equal where the same generator's output comes again.
  var name: UInt64

  var taskCount: Int32 { graph.families.reduce(0) { $0 + $1.count } }
  var tasks: Range<Int32> { firstTask..<firstTask + taskCount }

  /// A number that stands for the task's name.
  func nameOfTask(_ task: Int32) -> UInt64 {
    let (family, ordinal) = locate(task)
    return SeededRandom.mix(
      name &+ UInt64(family - firstFamily) &* 0x1_0001 &+ UInt64(ordinal) &* 0x1_0000_0001)
  }

  /// The same, and what the task needs.
  func describe(_ task: Int32) -> (name: UInt64, needs: ResourceVector) {
    (nameOfTask(task), graph.families[Int(locate(task).family - firstFamily)].needs)
  }

  /// By the run's numbers.
  func locate(_ task: Int32) -> (family: Int32, ordinal: Int32) {
    var first = firstTask
    for f in graph.families.indices {
      let count = graph.families[f].count
      if task < first + count { return (firstFamily + Int32(f), task - first) }
      first += count
    }
    preconditionFailure("task \(task) is not of the part that begins at \(firstTask)")
  }

  func firstTask(ofFamily family: Int32) -> Int32 {
    graph.families[..<Int(family - firstFamily)].reduce(firstTask) { $0 + $1.count }
  }
}

/// The parts of one run, and what follows from them.
struct RunParts {
  var parts: [RunPart]

  var familyCount: Int32 {
    guard let last = parts.last else { return 0 }
    return last.firstFamily + Int32(last.graph.families.count)
  }
  var taskCount: Int32 { parts.last.map { $0.firstTask + $0.taskCount } ?? 0 }

  func part(ofTask task: Int32) -> Int { parts.lastIndex { $0.firstTask <= task && $0.taskCount > 0 }! }

  func part(ofFamily family: Int32) -> Int {
    parts.lastIndex { $0.firstFamily <= family && !$0.graph.families.isEmpty }!
  }

  func endpoint(_ task: TaskIndex) -> Endpoint {
    let part = parts[part(ofTask: task.value)]
    let (family, ordinal) = part.locate(task.value)
    let count = part.graph.families[Int(family - part.firstFamily)].count
    return Endpoint(family: FamilyIndex(family), ordinal: count == 1 ? nil : ordinal)
  }

  func nameOfTask(_ task: Int32) -> UInt64 { parts[part(ofTask: task)].nameOfTask(task) }

  /// What this task precedes, by edges among what is not dropped.
  func children(of task: TaskIndex) -> [Endpoint] {
    let (family, ordinal) = parts[part(ofTask: task.value)].locate(task.value)
    var children: [Endpoint] = []
    for part in parts where !part.isDropped {
      for edge in part.graph.edges
      where edge.parent.family.value == family && (edge.parent.ordinal ?? ordinal) == ordinal {
        if parts[self.part(ofFamily: edge.child.family.value)].isDropped { continue }
        if !children.contains(edge.child) { children.append(edge.child) }
      }
    }
    return children
  }

  /// Drops what a generator made, and what that made in turn; answers the parts' numbers.
  mutating func drop(madeBy generator: TaskIndex) -> [Int] {
    var dropped: [Int] = []
    for index in parts.indices where !parts[index].isDropped {
      guard let maker = parts[index].generator else { continue }
      if maker == generator || dropped.contains(where: { parts[$0].tasks.contains(maker.value) }) {
        parts[index].isDropped = true
        dropped.append(index)
      }
    }
    return dropped
  }
}
