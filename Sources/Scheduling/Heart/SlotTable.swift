package import Protocol

/// Where something is kept, by a number that this process gave out itself: open addressing with steps of one.
///
/// Not a Dictionary, whose keyed hash takes most of a look's time and protects from keys that others choose.
package struct SlotTable: Sendable {
  private struct Place: Sendable {
    var key: Int64
    /// −1: free.
    var slot: Int32
  }
  /// A power of two of them, never more than half in use; none before the first key.
  private var places: [Place] = []
  package private(set) var count = 0

  package init() {}

  /// The first place to look at: the upper bits of a product, since neighbours' lower ones are alike.
  private func start(_ key: Int64) -> Int {
    let product = UInt64(bitPattern: key) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: product >> 32) & (places.count - 1)
  }

  /// The place that holds the key, or the free one where it would be.
  private func find(_ key: Int64) -> Int {
    var at = start(key)
    while places[at].slot >= 0 && places[at].key != key { at = (at + 1) & (places.count - 1) }
    return at
  }

  package subscript(key: Int64) -> Int32? {
    @inline(__always) get {
      if count == 0 { return nil }
      let slot = places[find(key)].slot
      return slot < 0 ? nil : slot
    }
    set {
      if let newValue { insert(key, newValue) } else { remove(key) }
    }
  }

  package subscript(run: RunID) -> Int? {
    get { self[run.value].map { Int($0) } }
    set { self[run.value] = newValue.map { Int32($0) } }
  }

  private mutating func insert(_ key: Int64, _ slot: Int32) {
    if (count + 1) * 2 > places.count { grow() }
    let at = find(key)
    if places[at].slot < 0 { count += 1 }
    places[at] = Place(key: key, slot: slot)
  }

  private mutating func remove(_ key: Int64) {
    if count == 0 { return }
    var hole = find(key)
    if places[hole].slot < 0 { return }
    count -= 1
    // What follows without a gap and would not be found behind the hole moves into it.
    var at = hole
    while true {
      at = (at + 1) & (places.count - 1)
      if places[at].slot < 0 { break }
      let distance = (at - start(places[at].key)) & (places.count - 1)
      if distance >= (at - hole) & (places.count - 1) {
        places[hole] = places[at]
        hole = at
      }
    }
    places[hole].slot = -1
  }

  private mutating func grow() {
    let old = places
    places = Array(repeating: Place(key: 0, slot: -1), count: max(8, old.count * 2))
    for place in old where place.slot >= 0 { places[find(place.key)] = place }
  }
}
