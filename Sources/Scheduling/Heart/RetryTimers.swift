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

  private var heap = Heap<Entry>()

  var earliest: Instant? { heap.smallest?.due }

  mutating func insert(_ entry: Entry) { heap.insert(entry) }

  mutating func removeDue(at now: Instant) -> Entry? {
    guard let first = heap.smallest, first.due <= now else { return nil }
    return heap.removeSmallest()
  }
}
