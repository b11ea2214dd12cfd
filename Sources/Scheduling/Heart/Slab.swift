/// Values at stable small indices; freed ones are used again. What was removed stays in memory until then.
struct Slab<Element: Sendable>: Sendable {
  private var items: [Element] = []
  private var isUsed: [Bool] = []
  private var free: [Int32] = []

  mutating func insert(_ element: Element) -> Int32 {
    if let slot = free.popLast() {
      items[Int(slot)] = element
      isUsed[Int(slot)] = true
      return slot
    }
    if items.isEmpty {
      // Where there is one there are soon some more.
      items.reserveCapacity(8)
      isUsed.reserveCapacity(8)
    }
    items.append(element)
    isUsed.append(true)
    return Int32(items.count - 1)
  }

  mutating func remove(_ slot: Int32) {
    precondition(isUsed[Int(slot)], "slot \(slot) is free")
    isUsed[Int(slot)] = false
    free.append(slot)
  }

  subscript(slot: Int32) -> Element {
    _read { yield items[Int(slot)] }
    _modify { yield &items[Int(slot)] }
  }

  /// All there ever were, in use or not.
  var slots: Range<Int32> { 0..<Int32(items.count) }

  func holds(_ slot: Int32) -> Bool { isUsed[Int(slot)] }

  /// Slots in use, ascending: for rare walks over everything.
  var used: [Int32] { slots.filter { holds($0) } }
}
