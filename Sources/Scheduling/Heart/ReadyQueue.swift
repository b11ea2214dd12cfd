import Protocol

struct ShapeIndex: Hashable, Sendable {
  let value: Int32
}

/// Families with ready tasks, grouped by what their tasks need: tasks of equal needs fit the same agents, so one
/// look at the agents answers for all of them.
///
/// The alternative, one heap of tasks, would look at every blocked task on every event.
struct ReadyQueue: Sendable {
  /// A ready family; smaller is dispatched first: the run submitted first, then the family's place.
  struct Entry: Comparable, Sendable {
    var run: RunID
    var family: Int32
    static func < (a: Entry, b: Entry) -> Bool {
      a.run != b.run ? a.run < b.run : a.family < b.family
    }
  }

  struct Shape: Sendable {
    let needs: ResourceVector
    var heap = Heap<Entry>()
    /// Whether all agents must be looked at: something became ready since the last look.
    var isFresh = false
    /// Its head found no agent in the pass that is under way.
    var isBlocked = false
    /// Since when the head has been overtaken by what comes after it.
    var overtaken: (head: Entry, since: Instant)?
    /// The agent that waits for the head.
    var reserved: AgentID?
    /// The head was overtaken for long enough, and no agent could be reserved: a change of one is waited for.
    var isUnreservable = false
  }

  private(set) var shapes: [Shape] = []
  /// Shapes that are looked through: hashing eight lanes takes longer than comparing a few.
  private static let looked = 8
  /// Of the others.
  private var indices: [ResourceVector: ShapeIndex] = [:]
  /// Shapes whose heaps hold something, in the order of their numbers.
  private(set) var active: [ShapeIndex] = []

  mutating func shape(for needs: ResourceVector) -> ShapeIndex {
    for i in 0..<min(shapes.count, Self.looked) where shapes[i].needs == needs {
      return ShapeIndex(value: Int32(i))
    }
    if let known = indices[needs] { return known }
    let index = ShapeIndex(value: Int32(shapes.count))
    shapes.append(Shape(needs: needs))
    if shapes.count > Self.looked { indices[needs] = index }
    return index
  }

  subscript(index: ShapeIndex) -> Shape {
    @inline(__always) get { shapes[Int(index.value)] }
    @inline(__always) _modify { yield &shapes[Int(index.value)] }
  }

  mutating func insert(_ entry: Entry, shape index: ShapeIndex) {
    let i = Int(index.value)
    if shapes[i].heap.isEmpty {
      let at = active.firstIndex { $0.value > index.value } ?? active.count
      active.insert(index, at: at)
    }
    shapes[i].isFresh = true
    shapes[i].heap.insert(entry)
  }

  mutating func removeHead(_ index: ShapeIndex) {
    shapes[Int(index.value)].heap.removeSmallest()
    if shapes[Int(index.value)].heap.isEmpty { active.removeAll { $0 == index } }
  }
}
