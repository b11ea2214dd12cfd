/// The edges of a graph by either end: two index lists over `PlanGraph.edges`, which is sorted by parent.
struct Adjacency: Sendable {
  /// Where the edges that leave a family begin in `graph.edges`.
  private let childStarts: [Int32]
  /// Edges sorted by child, then by parent.
  private let byChild: [Int32]
  private let parentStarts: [Int32]

  init(_ graph: PlanGraph) {
    var leaving = Array(repeating: Int32(0), count: graph.families.count + 1)
    var entering = leaving
    for edge in graph.edges {
      leaving[Int(edge.parent.family.value) + 1] += 1
      entering[Int(edge.child.family.value) + 1] += 1
    }
    for index in 1..<max(leaving.count, 1) {
      leaving[index] += leaving[index - 1]
      entering[index] += entering[index - 1]
    }
    // A counting sort keeps the order by parent among the edges of one child.
    var next = entering
    var order = Array(repeating: Int32(0), count: graph.edges.count)
    for (index, edge) in graph.edges.enumerated() {
      let child = Int(edge.child.family.value)
      order[Int(next[child])] = Int32(index)
      next[child] += 1
    }
    for family in graph.families.indices {
      let range = Int(entering[family])..<Int(entering[family + 1])
      func place(_ edge: Int32) -> Int32 { graph.edges[Int(edge)].child.ordinal ?? -1 }
      if range.contains(where: { place(order[$0]) >= 0 }) {
        order[range].sort { (place($0), $0) < (place($1), $1) }
      }
    }
    childStarts = leaving
    parentStarts = entering
    byChild = order
  }

  /// Indices of the edges that leave a family or a task of it.
  func leaving(_ family: Int32) -> Range<Int> {
    Int(childStarts[Int(family)])..<Int(childStarts[Int(family) + 1])
  }

  /// Indices of the edges that enter a family or a task of it, all of it first, then by ordinal.
  func entering(_ family: Int32) -> ArraySlice<Int32> {
    byChild[Int(parentStarts[Int(family)])..<Int(parentStarts[Int(family) + 1])]
  }
}
