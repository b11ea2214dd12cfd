import Protocol

/// Fences in order of arrival. A short queue (an agent's backlog is what it starts within some 20 ms), so that
/// taking one out of the middle may look for it.
struct FenceQueue {
  private var items: [Fence] = []
  private var head = 0

  var count: Int { items.count - head }
  var first: Fence? { head < items.count ? items[head] : nil }
  /// A copy, in order.
  var fences: [Fence] { Array(items[head...]) }

  mutating func append(_ fence: Fence) { items.append(fence) }

  mutating func removeFirst() {
    head += 1
    // Moved together once the free part is the larger one, so that each is moved about once.
    if head * 2 > items.count {
      items.removeFirst(head)
      head = 0
    }
  }

  mutating func remove(_ fence: Fence) {
    if let at = items[head...].firstIndex(of: fence) { items.remove(at: at) }
  }
}
