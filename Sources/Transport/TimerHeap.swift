import Protocol

/// Names a timer of one loop.
public struct TimerID: Hashable, Sendable {
  let number: UInt64
}

/// Timers in order of their time; equal times in order of their making. A cancelled one stays in the heap
/// without its body until its time comes: cancelling is then O(1), and most timers here are either few or
/// soon due.
struct TimerHeap {
  private struct Entry {
    let time: Instant
    let number: UInt64
    func isBefore(_ other: Entry) -> Bool {
      time != other.time ? time < other.time : number < other.number
    }
  }

  private var heap: [Entry] = []
  /// Looked up by number only, never walked.
  private var bodies: [UInt64: () -> Void] = [:]
  private var lastNumber: UInt64 = 0

  mutating func add(_ time: Instant, _ body: @escaping () -> Void) -> TimerID {
    lastNumber += 1
    bodies[lastNumber] = body
    heap.append(Entry(time: time, number: lastNumber))
    siftUp(heap.count - 1)
    return TimerID(number: lastNumber)
  }

  mutating func cancel(_ timer: TimerID) {
    bodies[timer.number] = nil
    while let first = heap.first, bodies[first.number] == nil { removeFirst() }
  }

  /// When the first timer is due; nil: there is none.
  var earliest: Instant? { heap.first?.time }

  /// Takes the first timer that is due: its body, to be called once the heap is not being changed any more
  /// (it may add and cancel timers itself).
  mutating func takeDue(at now: Instant) -> (() -> Void)? {
    while let first = heap.first, first.time <= now {
      removeFirst()
      if let body = bodies.removeValue(forKey: first.number) { return body }
    }
    return nil
  }

  private mutating func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    siftDown(0)
  }

  private mutating func siftUp(_ start: Int) {
    var at = start
    while at > 0, heap[at].isBefore(heap[(at - 1) / 2]) {
      heap.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  private mutating func siftDown(_ start: Int) {
    var at = start
    while true {
      var least = at
      for child in [2 * at + 1, 2 * at + 2] where child < heap.count && heap[child].isBefore(heap[least]) {
        least = child
      }
      if least == at { return }
      heap.swapAt(at, least)
      at = least
    }
  }
}
