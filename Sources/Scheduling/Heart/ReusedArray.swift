// Arrays that are filled and emptied again and again, with no copies on the way.
extension Array {
  /// Empties it and keeps its storage, to be filled again.
  ///
  /// Most that a turn empties is empty already or holds one or two; `removeAll` is made for many.
  @inlinable @inline(__always)
  package mutating func empty() {
    if count > 3 { return removeAll(keepingCapacity: true) }
    while !isEmpty { removeLast() }
  }

  /// The element itself, and not a copy: `other` is in its place from now on.
  @inlinable @inline(__always)
  package mutating func take(at index: Int, leaving other: Element) -> Element {
    var taken = other
    swap(&taken, &self[index])
    return taken
  }
}
