import Testing

@testable import Protocol

struct PlainBytesTests {
  private func end(_ bytes: [UInt8], from start: Int = 0) -> Int {
    bytes.withUnsafeBufferPointer { PlainBytes.end(in: $0, from: start) }
  }

  private func isPlain(_ byte: UInt8) -> Bool { (0x20...0x7F).contains(byte) && byte != 0x22 && byte != 0x5C }

  @Test func `every byte is found, or not, at every place of a word`() {
    for length in 0...17 {
      for place in 0..<max(1, length) {
        for byte in UInt8.min...UInt8.max where length > 0 {
          var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: length)
          bytes[place] = byte
          #expect(end(bytes) == (isPlain(byte) ? length : place), "\(byte) at \(place) of \(length)")
        }
      }
      #expect(end([UInt8](repeating: 0x7F, count: length)) == length)
    }
  }

  @Test func `the first of many is found, from every place on`() {
    var random = SeededRandom(seed: 5)
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 1...40, using: &random)).map { _ in
        Bool.random(using: &random)
          ? UInt8.random(in: 0x20...0x24, using: &random) : UInt8.random(in: 0...255, using: &random)
      }
      for start in 0...bytes.count {
        let first = bytes[start...].firstIndex { !isPlain($0) } ?? bytes.count
        #expect(end(bytes, from: start) == first, "\(bytes) from \(start)")
      }
    }
  }
}
