import CSystem

/// Cores of this host that attempts have to themselves: those that ask to be pinned run on cores of their own, as
/// many as they need whole. Others run where the kernel puts them.
struct CorePins {
  /// Bytes of a set of cores: more than any kernel has (CONFIG_NR_CPUS, 8192).
  private static let setBytes = 1024

  /// The cores that this process may use, and nobody is pinned to, in order.
  private var free: [Int]

  init() {
    var set = [UInt8](repeating: 0, count: Self.setBytes)
    let isKnown = caravan_affinity(&set, set.count) == 0
    free = isKnown ? (0..<Self.setBytes * 8).filter { set[$0 / 8] & 1 << UInt8($0 % 8) != 0 } : []
  }

  init(of cores: [Int]) { free = cores }

  /// So many cores that nobody else is pinned to; nil: there are not enough.
  mutating func take(milliCores: Int64) -> [Int]? {
    let count = Int((milliCores + 999) / 1000)
    if count > free.count { return nil }
    let taken = Array(free.prefix(count))
    free.removeFirst(count)
    return taken
  }

  var freeCount: Int { free.count }

  mutating func giveBack(_ cores: [Int]) {
    if cores.isEmpty { return }
    free = (free + cores).sorted()
  }

  /// Some that an earlier program of this start gave away.
  mutating func remove(_ cores: [Int]) { free.removeAll(where: cores.contains) }

  /// As sched_setaffinity(2) takes them.
  static func set(of cores: [Int]) -> [UInt8] {
    var set = [UInt8](repeating: 0, count: setBytes)
    for core in cores { set[core / 8] |= 1 << UInt8(core % 8) }
    return set
  }
}
