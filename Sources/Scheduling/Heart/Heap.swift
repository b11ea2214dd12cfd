/// A binary heap, the smallest element first. An empty one allocates nothing.
struct Heap<Element: Comparable & Sendable>: Sendable {
  private var items: [Element] = []

  var isEmpty: Bool { items.isEmpty }
  var smallest: Element? { items.first }
  /// In no order.
  var elements: [Element] { items }

  mutating func insert(_ element: Element) {
    items.append(element)
    var child = items.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if items[parent] <= items[child] { return }
      items.swapAt(parent, child)
      child = parent
    }
  }

  /// The heap must not be empty.
  @discardableResult
  mutating func removeSmallest() -> Element {
    items.swapAt(0, items.count - 1)
    let smallest = items.removeLast()
    var parent = 0
    while true {
      var least = parent
      let left = 2 * parent + 1
      if left < items.count, items[left] < items[least] { least = left }
      if left + 1 < items.count, items[left + 1] < items[least] { least = left + 1 }
      if least == parent { return smallest }
      items.swapAt(parent, least)
      parent = least
    }
  }

  mutating func removeAll() { items = [] }
}
