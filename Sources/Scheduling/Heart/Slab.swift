/// Values at stable small indices; freed ones are used again.
struct Slab<Element: Sendable>: Sendable {
  private var items: [Element?] = []
  private var free: [Int32] = []

  mutating func insert(_ element: Element) -> Int32 {
    if let slot = free.popLast() {
      items[Int(slot)] = element
      return slot
    }
    items.append(element)
    return Int32(items.count - 1)
  }

  mutating func remove(_ slot: Int32) -> Element {
    let element = items[Int(slot)]!
    items[Int(slot)] = nil
    free.append(slot)
    return element
  }

  subscript(slot: Int32) -> Element {
    _read { yield items[Int(slot)]! }
    _modify { yield &items[Int(slot)]! }
  }

  /// Slots in use, ascending: for rare walks over everything.
  var used: [Int32] { items.indices.filter { items[$0] != nil }.map { Int32($0) } }
}
