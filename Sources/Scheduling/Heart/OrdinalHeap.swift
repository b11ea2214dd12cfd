/// A binary heap of ordinals, the smallest first. Empty ones allocate nothing.
struct OrdinalHeap: Sendable {
  private var items: [Int32] = []

  var smallest: Int32? { items.first }

  mutating func insert(_ ordinal: Int32) {
    items.append(ordinal)
    var child = items.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if items[parent] <= items[child] { return }
      items.swapAt(parent, child)
      child = parent
    }
  }

  mutating func removeSmallest() {
    items.swapAt(0, items.count - 1)
    items.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < items.count && items[child] < items[least] {
        least = child
      }
      if least == parent { return }
      items.swapAt(parent, least)
      parent = least
    }
  }

  mutating func removeAll() { items = [] }
}
