import Protocol
import Scheduling

/// SplitMix64: the same numbers for the same seed on every host.
struct SplitMix {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(bound))
  }

  /// A DAG of families, some of several tasks, with edges between whole ones and between single tasks.
  mutating func graph(families count: Int, firstFamily: Int32 = 0, depth: Int = 0) -> PlanGraph {
    var families: [Family] = []
    for _ in 0..<count {
      families.append(
        .of(
          Int32(below(3) == 0 ? below(4) + 1 : 1), cores: Int64(below(5) == 0 ? 2 : 1),
          memoryMB: Int64(below(2) + 1),
          retries: Int32(below(3)), interval: Int32(below(2) * 5), generator: depth < 2 && below(6) == 0))
    }
    var edges: [Edge] = []
    for child in 0..<count {
      for parent in 0..<child where below(2) == 0 {
        let parentOrdinal =
          families[parent].count > 1 && below(3) == 0 ? Int32(below(Int(families[parent].count))) : nil
        let childOrdinal =
          families[child].count > 1 && below(3) == 0 ? Int32(below(Int(families[child].count))) : nil
        edges.append(
          .from(firstFamily + Int32(parent), parentOrdinal, to: firstFamily + Int32(child), childOrdinal))
      }
    }
    return PlanGraph(families: families, edges: edges)
  }
}
