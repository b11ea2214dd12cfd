/// Finds tasks that wait for each other: Kahn's algorithm, iterative, over families rather than tasks.
///
/// A family is one node, unless edges name tasks of it singly. Then each of those is a node of its own,
/// the others share one, and two gates stand for "all of it": edges to the family enter by the first,
/// edges from it leave by the second. So `A → B_0`, `B_1 → C → A` holds, and no edge is multiplied.
struct CycleSearch {
  /// One end of an edge: the family, and the ordinal + 1, 0 standing for all of it.
  struct Node: Hashable, Comparable {
    let key: UInt64
    init(family: Int32, ordinal: Int32?) {
      key = UInt64(family) << 32 | UInt64(ordinal.map { $0 + 1 } ?? 0)
    }
    var family: Int32 { Int32(key >> 32) }
    var ordinal: Int32? { key & 0xFFFF_FFFF == 0 ? nil : Int32(key & 0xFFFF_FFFF) - 1 }
    static func < (a: Node, b: Node) -> Bool { a.key < b.key }
  }

  struct Arc: Comparable {
    var parent: Node
    var child: Node
    static func < (a: Arc, b: Arc) -> Bool { (a.parent.key, a.child.key) < (b.parent.key, b.child.key) }
  }

  private let familyCount: Int
  /// Ends that name one task, sorted.
  private let singles: [Node]
  /// Families that have such ends, sorted, with their gates' numbers: entry and entry + 1.
  private let split: [Int32]
  private var starts: [Int32] = []
  private var targets: [Int32] = []
  private var waiting: [Int32] = []

  init(familyCount: Int, arcs: [Arc]) {
    self.familyCount = familyCount
    var named: [Node] = []
    for arc in arcs {
      if arc.parent.ordinal != nil { named.append(arc.parent) }
      if arc.child.ordinal != nil { named.append(arc.child) }
    }
    named.sort()
    var singles: [Node] = []
    var split: [Int32] = []
    for node in named where node != singles.last {
      singles.append(node)
      if node.family != split.last { split.append(node.family) }
    }
    self.singles = singles
    self.split = split
    connect(arcs)
  }

  // Numbers: families (where split: what is not named singly), then two gates a split family, then singles.
  private var gates: Int { familyCount }
  private var firstSingle: Int { familyCount + 2 * split.count }
  private var nodeCount: Int { firstSingle + singles.count }

  private func entry(_ node: Node) -> Int { number(node, gate: 0) }
  private func exit(_ node: Node) -> Int { number(node, gate: 1) }

  private func number(_ node: Node, gate: Int) -> Int {
    if node.ordinal != nil { return firstSingle + Self.place(of: node, in: singles) }
    let place = Self.place(of: node.family, in: split)
    return place < split.count && split[place] == node.family ? gates + 2 * place + gate : Int(node.family)
  }

  private static func place<T: Comparable>(of value: T, in sorted: [T]) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func connect(_ arcs: [Arc]) {
    var pairs: [(Int32, Int32)] = []
    pairs.reserveCapacity(arcs.count + 2 * (split.count + singles.count))
    for arc in arcs { pairs.append((Int32(exit(arc.parent)), Int32(entry(arc.child)))) }
    for (place, family) in split.enumerated() {
      pairs.append((Int32(gates + 2 * place), family))
      pairs.append((family, Int32(gates + 2 * place + 1)))
    }
    for (place, single) in singles.enumerated() {
      let whole = Node(family: single.family, ordinal: nil)
      pairs.append((Int32(entry(whole)), Int32(firstSingle + place)))
      pairs.append((Int32(firstSingle + place), Int32(exit(whole))))
    }
    (starts, targets) = Self.lists(pairs, nodeCount)
    waiting = Array(repeating: 0, count: nodeCount)
    for target in targets { waiting[Int(target)] += 1 }
  }

  private static func lists(_ pairs: [(Int32, Int32)], _ count: Int) -> ([Int32], [Int32]) {
    var starts = Array(repeating: Int32(0), count: count + 1)
    for pair in pairs { starts[Int(pair.0) + 1] += 1 }
    for index in 0..<count { starts[index + 1] += starts[index] }
    var next = starts
    var targets = Array(repeating: Int32(0), count: pairs.count)
    for pair in pairs {
      targets[Int(next[Int(pair.0)])] = pair.1
      next[Int(pair.0)] += 1
    }
    return (starts, targets)
  }

  /// Cycles that share no node, each from its first node in document order, parents before children; at
  /// most `limit`.
  consuming func cycles(limit: Int) -> [[Node]] {
    var left = (0..<nodeCount).map { _ in true }
    var leftCount = nodeCount
    var ready = (0..<nodeCount).filter { waiting[$0] == 0 }.map(Int32.init)
    for node in ready { left[Int(node)] = false }
    var found: [[Node]] = []
    var sources: (starts: [Int32], targets: [Int32])?
    while true {
      while let node = ready.popLast() {
        leftCount -= 1
        for target in targets[Int(starts[Int(node)])..<Int(starts[Int(node) + 1])] where left[Int(target)] {
          waiting[Int(target)] -= 1
          if waiting[Int(target)] == 0 {
            left[Int(target)] = false
            ready.append(target)
          }
        }
      }
      if leftCount == 0 || found.count == limit { return found }
      if sources == nil { sources = reversed() }
      guard let sources else { return found }
      let cycle = Self.cycle(left, sources)
      found.append(shown(cycle))
      for node in cycle {
        left[Int(node)] = false
        ready.append(node)
      }
    }
  }

  private func reversed() -> ([Int32], [Int32]) {
    var pairs: [(Int32, Int32)] = []
    for node in 0..<nodeCount {
      for target in targets[Int(starts[node])..<Int(starts[node + 1])] { pairs.append((target, Int32(node))) }
    }
    return Self.lists(pairs, nodeCount)
  }

  /// Walks back from the first node left: each has a parent that is left too, so the walk meets itself.
  private static func cycle(_ left: [Bool], _ sources: (starts: [Int32], targets: [Int32])) -> [Int32] {
    var walk: [Int32] = []
    var step = Array(repeating: -1, count: left.count)
    guard let first = left.firstIndex(of: true) else { return [] }
    var at = Int32(first)
    while step[Int(at)] < 0 {
      step[Int(at)] = walk.count
      walk.append(at)
      let range = Int(sources.starts[Int(at)])..<Int(sources.starts[Int(at) + 1])
      guard let parent = sources.targets[range].first(where: { left[Int($0)] }) else {
        preconditionFailure("a node that waits has a parent that waits")
      }
      at = parent
    }
    return walk[step[Int(at)]...].reversed()
  }

  private func shown(_ cycle: [Int32]) -> [Node] {
    let nodes = cycle.compactMap { number -> Node? in
      let number = Int(number)
      if number < familyCount { return Node(family: Int32(number), ordinal: nil) }
      return number < firstSingle ? nil : singles[number - firstSingle]
    }
    guard let least = nodes.indices.min(by: { nodes[$0] < nodes[$1] }) else { return nodes }
    return Array(nodes[least...] + nodes[..<least])
  }
}
