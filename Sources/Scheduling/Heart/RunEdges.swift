import Protocol

/// A run's edges, made for being walked at an end: barriers by parent family, and the few edges that name one
/// task of a family in tables of their own.
struct RunEdges: Sendable {
  struct Target: Sendable {
    var family: Int32
    /// −1: the whole family.
    var ordinal: Int32
  }

  private(set) var all: [Edge] = []
  /// Targets of whole families, by parent family: `targets[starts[f] ..< starts[f + 1]]`.
  private var starts: [Int32] = [0]
  private var targets: [Target] = []
  /// Targets of single tasks.
  private var singles: [Int32: [Target]] = [:]
  /// Open parents of single tasks, beside those of their family.
  private var open: [Int32: OpenParents] = [:]

  struct OpenParents: Sendable {
    var count: Int32
    var notBefore: WallTime
  }

  init() {}

  /// Edges whose ends were dropped are left out by the caller.
  init(_ edges: [Edge], families: [FamilyRecord]) {
    all = edges
    var degree = [Int32](repeating: 0, count: families.count + 1)
    for edge in edges where edge.parent.ordinal == nil { degree[Int(edge.parent.family.value) + 1] += 1 }
    for i in 1..<degree.count { degree[i] += degree[i - 1] }
    starts = degree
    targets = Array(repeating: Target(family: 0, ordinal: 0), count: Int(degree.last!))
    var next = degree
    for edge in edges {
      let target = Target(family: edge.child.family.value, ordinal: edge.child.ordinal ?? -1)
      let parent = Int(edge.parent.family.value)
      if let ordinal = edge.parent.ordinal {
        singles[families[parent].first + ordinal, default: []].append(target)
      } else {
        targets[Int(next[parent])] = target
        next[parent] += 1
      }
      if let ordinal = edge.child.ordinal {
        let task = families[Int(edge.child.family.value)].first + ordinal
        open[task] = OpenParents(count: 0, notBefore: .none)
      }
    }
  }

  func targets(ofFamily family: Int) -> ArraySlice<Target> {
    targets[Int(starts[family])..<Int(starts[family + 1])]
  }

  func targets(ofTask task: TaskIndex) -> [Target] { singles.isEmpty ? [] : singles[task.value] ?? [] }

  var hasSingleParents: Bool { !singles.isEmpty }

  func hasOpenParents(_ task: TaskIndex) -> Bool {
    open.isEmpty ? false : (open[task.value]?.count ?? 0) > 0
  }

  func notBefore(_ task: TaskIndex) -> WallTime {
    open.isEmpty ? .none : open[task.value]?.notBefore ?? .none
  }

  mutating func addOpenParent(of task: TaskIndex) { open[task.value]!.count += 1 }

  /// True when it was the task's last open parent of its own.
  mutating func closeParent(of task: TaskIndex, stoppedAt stop: WallTime) -> Bool {
    open[task.value]!.count -= 1
    open[task.value]!.notBefore = max(open[task.value]!.notBefore, stop)
    return open[task.value]!.count == 0
  }

  mutating func setNotBefore(_ time: WallTime) {
    for task in Array(open.keys) { open[task]!.notBefore = time }
  }

  /// In what is open: for comparing a recovery.
  func difference(from other: RunEdges) -> String? {
    if all != other.all { return "\(all.count) edges, and \(other.all.count), or others" }
    let counts = open.mapValues(\.count)
    let its = other.open.mapValues(\.count)
    return counts == its ? nil : "open parents \(counts), and \(its)"
  }
}
