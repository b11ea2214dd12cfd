import Protocol

/// When failed tasks are QUEUED again: a heap by time. An entry whose task moved on since is stale, which its
/// attempt's number tells.
struct RetryTimers: Sendable {
  struct Entry: Comparable, Sendable {
    var due: Instant
    var key: TaskKey
    /// Of the attempt that failed.
    var number: Int32
    static func < (a: Entry, b: Entry) -> Bool {
      if a.due != b.due { return a.due < b.due }
      if a.key.run != b.key.run { return a.key.run < b.key.run }
      return a.key.task < b.key.task
    }
  }

  private var heap: [Entry] = []

  var earliest: Instant? { heap.first?.due }

  mutating func insert(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0, heap[child] < heap[(child - 1) / 2] {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeDue(at now: Instant) -> Entry? {
    guard let first = heap.first, first.due <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[least] {
        least = child
      }
      if least == parent { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
