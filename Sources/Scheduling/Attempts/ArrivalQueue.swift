/// Values in order of arrival, in one array whose front is taken away in bulk.
struct ArrivalQueue<Element: Sendable>: Sendable {
  private var items: [Element] = []
  private var head = 0

  var count: Int { items.count - head }
  var isEmpty: Bool { head == items.count }
  /// From the oldest on.
  var indices: Range<Int> { 0..<count }

  subscript(index: Int) -> Element {
    _read { yield items[head + index] }
  }

  mutating func append(_ element: Element) { items.append(element) }

  mutating func removeFirst() -> Element {
    let first = items[head]
    head += 1
    // Moved together once the free part is the larger one, so that each is moved about once.
    if head * 2 > items.count {
      items.removeFirst(head)
      head = 0
    }
    return first
  }

  mutating func remove(at index: Int) { items.remove(at: head + index) }
}
