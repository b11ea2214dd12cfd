import Protocol

/// A run's edges, made for being walked at an end: barriers by parent family, and the few edges that name one
/// task of a family in tables of their own.
struct RunEdges: Sendable {
  struct Target: Sendable {
    var family: Int32
    /// −1: the whole family.
    var ordinal: Int32
  }

  /// A task that some edge names.
  struct Single: Sendable {
    let task: Int32
    /// Its own targets: `targets[firstTarget ..< firstTarget + targetCount]`.
    var firstTarget: Int32 = 0
    var targetCount: Int32 = 0
    /// Parents of its own that are not COMPLETED, beside those of its family.
    var openParents: Int32 = 0
    var notBefore = WallTime.none
  }

  private(set) var all: [Edge] = []
  /// Where targets of whole families begin, by parent family: `targets[starts[f] ..< starts[f + 1]]`.
  private var starts: [Int32] = []
  /// By parent: first families, then single tasks.
  private var targets: [Target] = []
  private(set) var singles: [Single] = []
  /// Places in `singles`, by task.
  private var places = SlotTable()

  init() {}

  /// Edges with a dropped end are left out. What `before` knew of single tasks' parents is kept.
  init(_ edges: [Edge], families: [FamilyRecord], before: RunEdges = RunEdges()) {
    if edges.isEmpty { return }
    all = edges
    // Otherwise the list stays the caller's, and is not copied.
    if families.contains(where: \.isDropped), !planted(.droppedEdgesKept) {
      all.removeAll {
        families[Int($0.parent.family.value)].isDropped || families[Int($0.child.family.value)].isDropped
      }
    }
    if all.isEmpty { return }
    // First how many targets each parent has, then where they end; filled from the last on, each parent's end
    // becomes its beginning.
    starts = [Int32](repeating: 0, count: families.count + 1)
    for edge in all {
      let parent = Int(edge.parent.family.value)
      if let ordinal = edge.parent.ordinal {
        singles[enter(families[parent].first + ordinal)].targetCount += 1
      } else {
        starts[parent] += 1
      }
      if let ordinal = edge.child.ordinal {
        let task = families[Int(edge.child.family.value)].first + ordinal
        singles[enter(task)].notBefore = before.notBefore(TaskIndex(task))
      }
    }
    var end: Int32 = 0
    for f in starts.indices {
      end += starts[f]
      starts[f] = end
    }
    for i in singles.indices {
      end += singles[i].targetCount
      singles[i].firstTarget = end
    }
    targets = Array(repeating: Target(family: 0, ordinal: 0), count: Int(end))
    for edge in all.reversed() {
      let target = Target(family: edge.child.family.value, ordinal: edge.child.ordinal ?? -1)
      let parent = Int(edge.parent.family.value)
      if let ordinal = edge.parent.ordinal {
        let i = Int(places[Int64(families[parent].first + ordinal)]!)
        singles[i].firstTarget -= 1
        targets[Int(singles[i].firstTarget)] = target
      } else {
        starts[parent] -= 1
        targets[Int(starts[parent])] = target
      }
    }
  }

  private mutating func enter(_ task: Int32) -> Int {
    if let known = places[Int64(task)] { return Int(known) }
    places[Int64(task)] = Int32(singles.count)
    singles.append(Single(task: task))
    return singles.count - 1
  }

  func targets(ofFamily family: Int) -> ArraySlice<Target> {
    starts.isEmpty ? [] : targets[Int(starts[family])..<Int(starts[family + 1])]
  }

  func targets(ofTask task: TaskIndex) -> ArraySlice<Target> {
    guard let i = place(of: task) else { return [] }
    return targets[Int(singles[i].firstTarget)..<Int(singles[i].firstTarget + singles[i].targetCount)]
  }

  /// Where in `singles` it is.
  @inline(__always) func place(of task: TaskIndex) -> Int? { places[Int64(task.value)].map { Int($0) } }

  @inline(__always) func hasOpenParents(_ task: TaskIndex) -> Bool {
    place(of: task).map { singles[$0].openParents > 0 } ?? false
  }

  @inline(__always) func notBefore(_ task: TaskIndex) -> WallTime {
    place(of: task).map { singles[$0].notBefore } ?? .none
  }

  /// Before open parents are counted anew.
  mutating func forgetOpenParents() {
    for i in singles.indices { singles[i].openParents = 0 }
  }

  mutating func addOpenParent(of task: TaskIndex) { singles[place(of: task)!].openParents += 1 }

  /// True when it was the task's last open parent of its own.
  mutating func closeParent(of task: TaskIndex, stoppedAt stop: WallTime) -> Bool {
    let i = place(of: task)!
    singles[i].openParents -= 1
    singles[i].notBefore = max(singles[i].notBefore, stop)
    return singles[i].openParents == 0
  }

  mutating func setNotBefore(_ time: WallTime) {
    for i in singles.indices { singles[i].notBefore = time }
  }

  /// In what is open: for comparing a recovery.
  func difference(from other: RunEdges) -> String? {
    if all != other.all { return "\(all.count) edges, and \(other.all.count), or others" }
    for (single, its) in zip(singles, other.singles) where single.openParents != its.openParents {
      return "open parents of #\(single.task): \(single.openParents), and \(its.openParents)"
    }
    return nil
  }
}
