/// SplitMix64: the same numbers for the same seed on every machine, so that a failing case can be named.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
  mutating func chance(_ oneIn: Int) -> Bool { below(oneIn) == 0 }
  mutating func element<C: RandomAccessCollection>(of items: C) -> C.Element {
    items.randomElement(using: &self)!
  }

  /// Bytes changed, cut out, doubled or put in at random.
  mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<(1 + below(4)) {
      guard !bytes.isEmpty else { return bytes }
      let at = below(bytes.count)
      switch below(6) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &self)
      case 1: bytes[at] ^= 1 << UInt8(below(8))
      case 2: bytes.removeSubrange(at..<min(bytes.count, at + 1 + below(8)))
      case 3: bytes.insert(element(of: Array("{}[]\",:\\u0-9eE.tfn \n".utf8)), at: at)
      case 4: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 1 + below(16))], at: at)
      default: bytes.removeLast(bytes.count - at)
      }
    }
    return bytes
  }
}
