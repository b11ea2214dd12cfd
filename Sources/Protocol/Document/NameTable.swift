/// Finds names among many by their bytes: open addressing over `Int32` numbers, the names themselves stay
/// where they are. 100,000 names cost 1 MB; a `[String: Int]` would cost ten.
///
/// The standard library's hasher is seeded anew in each process, so that nobody can choose names that
/// collide.
public struct NameTable: Sendable {
  /// The number, or -1. Its count is a power of two, at most half of it used.
  private var slots: [Int32] = []
  private var used = 0

  public init() {}

  public typealias Bytes = UnsafeBufferPointer<UInt8>

  /// The number under which this name was put in. `matches` says whether a number's name is this one.
  public func find(_ name: Bytes, matches: (Int32) -> Bool) -> Int32? {
    if slots.isEmpty { return nil }
    var at = Self.hash(name) & (slots.count - 1)
    while slots[at] >= 0 {
      if matches(slots[at]) { return slots[at] }
      at = (at + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Puts in a name that is not there yet. `hash` answers the hash of an earlier number's name, for when
  /// the table grows.
  public mutating func insert(_ number: Int32, hash: Int, rehash: (Int32) -> Int) {
    if (used + 1) * 2 > slots.count { grow(rehash: rehash) }
    put(number, hash: hash)
    used += 1
  }

  /// Room for so many without growing.
  public mutating func reserve(_ count: Int) {
    precondition(used == 0, "reserve before the first name")
    var size = 16
    while size < count * 2 { size *= 2 }
    slots = Array(repeating: -1, count: size)
  }

  public static func hash(_ name: Bytes) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(name))
    return hasher.finalize()
  }

  private mutating func put(_ number: Int32, hash: Int) {
    var at = hash & (slots.count - 1)
    while slots[at] >= 0 { at = (at + 1) & (slots.count - 1) }
    slots[at] = number
  }

  private mutating func grow(rehash: (Int32) -> Int) {
    let old = slots
    slots = Array(repeating: -1, count: max(16, old.count * 2))
    for number in old where number >= 0 { put(number, hash: rehash(number)) }
  }
}
