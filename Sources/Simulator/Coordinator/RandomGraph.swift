import Protocol
import Scheduling

/// DAGs of families with edges between whole ones and between single tasks.
extension SeededRandom {
  /// Cores that a task needs at most; some agent always has them.
  static let mostCores: Int64 = 2
  /// Generators that generate generators, at most.
  private static let mostNested = 2

  mutating func graph(
    families count: Int, isCrowded: Bool, firstFamily: Int32 = 0, depth: Int = 0
  ) -> PlanGraph {
    var families: [Family] = []
    families.reserveCapacity(count)
    for _ in 0..<count {
      let isExpanded = chance(percent: 35)
      families.append(
        Family(
          count: isExpanded ? size(isCrowded: isCrowded) : 1, isExpanded: isExpanded,
          isGenerator: depth < Self.mostNested && chance(percent: 10), maxRetries: Int32(below(3)),
          retryIntervalSeconds: chance(percent: 40) ? Int32(1 + below(chance(percent: 30) ? 12 : 4)) : 0,
          needs: ResourceVector(
            milliCores: chance(percent: 20) ? Self.mostCores * 1000 : 1000,
            memoryMB: Int64(10 + 10 * below(2)))))
    }
    var edges: [Edge] = []
    for child in 1..<max(1, count) {
      for parent in 0..<child where chance(percent: 45) {
        let parentOrdinal = single(of: families[parent])
        let childOrdinal = single(of: families[child])
        edges.append(
          Edge(
            parent: Endpoint(family: FamilyIndex(firstFamily + Int32(parent)), ordinal: parentOrdinal),
            child: Endpoint(family: FamilyIndex(firstFamily + Int32(child)), ordinal: childOrdinal)))
      }
    }
    return PlanGraph(families: families, edges: edges)
  }

  private mutating func size(isCrowded: Bool) -> Int32 {
    Int32(chance(percent: isCrowded ? 60 : 5) ? 5 + below(8) : 1 + below(4))
  }

  private mutating func single(of family: Family) -> Int32? {
    family.count > 1 && chance(percent: 30) ? Int32(below(Int(family.count))) : nil
  }
}
