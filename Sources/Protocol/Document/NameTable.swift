/// Finds names among many by their bytes: open addressing over `Int32` numbers, the names themselves stay
/// where they are. 100,000 names cost 2 MB; a `[String: Int]` would cost ten.
///
/// Each slot keeps its name's hash, so that a look-up reads no other name's bytes and growing reads none.
/// The standard library's hasher is seeded anew in each process, so that nobody can choose names that
/// collide.
public struct NameTable: Sendable {
  /// The hash above, the number + 1 below; 0: free. Their count is a power of two, at most half of it used.
  private var slots: [UInt64] = []
  private var used = 0

  public init() {}

  public typealias Bytes = UnsafeBufferPointer<UInt8>

  /// The number under which this name was put in. `matches` says whether a number's name is this one.
  public func find(_ name: Bytes, matches: (Int32) -> Bool) -> Int32? {
    if slots.isEmpty { return nil }
    let hash = Self.hash(name)
    let mask = slots.count - 1
    var at = Int(hash) & mask
    while slots[at] != 0 {
      let number = Int32(truncatingIfNeeded: slots[at] & 0xFFFF_FFFF) - 1
      if UInt32(slots[at] >> 32) == hash, matches(number) { return number }
      at = (at + 1) & mask
    }
    return nil
  }

  /// Puts in a name that is not there yet.
  public mutating func insert(_ number: Int32, named name: Bytes) {
    if (used + 1) * 2 > slots.count { resize(max(16, slots.count * 2)) }
    put(UInt64(Self.hash(name)) << 32 | UInt64(number + 1))
    used += 1
  }

  /// Room for so many without growing.
  public mutating func reserve(_ count: Int) {
    var size = 16
    while size < count * 2 { size *= 2 }
    if size > slots.count { resize(size) }
  }

  private static func hash(_ name: Bytes) -> UInt32 {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(name))
    return UInt32(truncatingIfNeeded: hasher.finalize())
  }

  private mutating func put(_ slot: UInt64) {
    let mask = slots.count - 1
    var at = Int(slot >> 32) & mask
    while slots[at] != 0 { at = (at + 1) & mask }
    slots[at] = slot
  }

  private mutating func resize(_ size: Int) {
    let old = slots
    slots = Array(repeating: 0, count: size)
    for slot in old where slot != 0 { put(slot) }
  }
}
