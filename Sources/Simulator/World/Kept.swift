/// Values in a place of their own, used again from one history to the next with the storage that is in them.
///
/// Not an array: who changes an array's element must first see that nobody shares the array, each time; these nobody
/// can share. All that is unsafe about it is here, and every index is checked.
struct Kept<Element: ~Copyable>: ~Copyable {
  private var elements: UnsafeMutablePointer<Element>
  private var capacity: Int
  /// Those that were ever made.
  private var made = 0
  /// Those in use.
  private(set) var count = 0

  init(capacity: Int = 4) {
    self.capacity = capacity
    elements = .allocate(capacity: capacity)
  }

  deinit {
    elements.deinitialize(count: made)
    elements.deallocate()
  }

  var isEmpty: Bool {
    @inline(__always) get { count == 0 }
  }

  var indices: Range<Int> {
    @inline(__always) get { 0..<count }
  }

  subscript(index: Int) -> Element {
    @inline(__always) _read {
      precondition(index >= 0 && index < count)
      yield elements[index]
    }
    @inline(__always) _modify {
      precondition(index >= 0 && index < count)
      yield &elements[index]
    }
  }

  /// None is in use.
  mutating func empty() { count = 0 }

  /// One more is in use, as it was left, or made now; answers its index.
  @inline(__always)
  mutating func add(_ make: () -> Element) -> Int {
    if count == made {
      if made == capacity { grow() }
      (elements + made).initialize(to: make())
      made += 1
    }
    count += 1
    return count - 1
  }

  /// So many are in use.
  mutating func use(_ count: Int, _ make: () -> Element) {
    self.count = 0
    for _ in 0..<count { _ = add(make) }
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: 2 * capacity)
    larger.moveInitialize(from: elements, count: made)
    elements.deallocate()
    elements = larger
    capacity *= 2
  }
}

extension Kept {
  @inline(__always)
  mutating func append(_ element: Element) {
    let index = add { element }
    elements[index] = element
  }

  /// The last is in use no longer; answers it, nil: none was.
  mutating func popLast() -> Element? {
    if count == 0 { return nil }
    count -= 1
    return elements[count]
  }
}
