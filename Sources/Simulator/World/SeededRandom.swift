/// SplitMix64: the same numbers for the same seed on every host.
///
/// Whatever draws has one of its own, made from the history's seed and its name: so that a step left out
/// changes as little as possible of what the others meet.
struct SeededRandom {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  init(_ seed: UInt64, _ a: UInt64, _ b: UInt64 = 0) {
    state = Self.mix(Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15) ^ Self.mix(a &* 0xD6E8_FEB8_6659_FD93 &+ b))
  }

  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  /// From 0 to `bound` − 1.
  mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  mutating func below(_ bound: Int64) -> Int64 { Int64(below(Int(bound))) }

  mutating func from(_ low: Int64, to high: Int64) -> Int64 { low + below(high - low + 1) }

  mutating func chance(percent: Int) -> Bool { below(100) < percent }
}
