import Foundation
import Protocol
import System
import Testing

@testable import Agent

/// A stream's bytes by themselves: no process, no connection.
struct KeptStreamTests {
  private let folder = FileManager.default.temporaryDirectory.path + "/caravan-kept-" + Random.hex(bytes: 8)

  private func withFolder(_ body: () throws -> Void) throws {
    try Files.makeDirectory(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body()
  }

  /// What is printed: 251 is prime, so that no piece looks like one a page or a chunk away.
  private static let text: [UInt8] = {
    var text: [UInt8] = []
    let line = [UInt8](0..<251)
    while text.count < Int(OutputCaps.standard.headBytes) { text.append(contentsOf: line) }
    return text
  }()

  private func bytes(_ range: Range<Int64>) -> [UInt8] {
    Array(Self.text[Int(range.lowerBound)..<Int(range.upperBound)])
  }

  private func append(_ stream: inout KeptStream, _ count: Int) {
    let from = stream.total
    bytes(from..<from + Int64(count)).withUnsafeBytes { stream.append($0) }
  }

  @Test(arguments: 0..<20)
  func `whatever comes between, the reader gets each byte once and in order`(seed: Int) throws {
    try withFolder {
      var random = SplitMix(state: UInt64(seed))
      var stream = KeptStream(Fence(1), .stdout, in: OutputFolder(path: folder))
      // What a coordinator has: everything before it is committed there.
      var committed: Int64 = 0
      var underWay: Int64 = 0
      var isEnded = false
      for step in 0..<400 {
        switch random.next(7) {
        case 0, 1: if !isEnded { append(&stream, random.next(random.next(4) == 0 ? 300_000 : 5_000)) }
        case 2, 3:
          if let next = stream.next(limit: 1 + random.next(70_000)) {
            #expect(next.offset == underWay)
            #expect(next.bytes == bytes(next.offset..<next.offset + Int64(next.bytes.count)))
            underWay = next.offset + Int64(next.bytes.count)
          }
        case 4:
          committed = max(committed, committed + Int64(random.next(Int(underWay - committed) + 1)))
          stream.acknowledge(committed)
        case 5:
          if random.next(4) == 0 {
            stream.connectionLost()
            underWay = committed
          }
        default:
          if random.next(10) == 0 { stream.moveToFile() }
          if step > 300, !isEnded {
            stream.end()
            isEnded = true
          }
        }
      }
      stream.end()
      while let next = stream.next(limit: 100_000) {
        #expect(next.offset == underWay)
        #expect(next.bytes == bytes(next.offset..<next.offset + Int64(next.bytes.count)))
        underWay = next.offset + Int64(next.bytes.count)
      }
      #expect(underWay == stream.total && stream.isDelivered)
      stream.acknowledge(stream.total)
      #expect(stream.isAcknowledged)
      let left = try Files.names(in: folder)
      #expect(left.isEmpty, "nothing is left on disk")
    }
  }

  @Test func `beyond the head only the tail is kept, and it goes out at the end`() throws {
    try withFolder {
      var stream = KeptStream(Fence(1), .stderr, in: OutputFolder(path: folder))
      let piece = 1 << 20
      let pieces = Int((OutputCaps.standard.headBytes + OutputCaps.standard.tailBytes) >> 20) + 10
      let block = [UInt8](repeating: 7, count: piece)
      for _ in 0..<pieces { block.withUnsafeBytes { stream.append($0) } }
      var sent: Int64 = 0
      while let next = stream.next(limit: piece) {
        sent += Int64(next.bytes.count)
        stream.acknowledge(next.offset + Int64(next.bytes.count))
      }
      #expect(sent == OutputCaps.standard.headBytes && !stream.isDelivered)
      stream.end()
      let first = stream.next(limit: piece)
      let jump = try #require(first)
      #expect(jump.offset == stream.total - OutputCaps.standard.tailBytes)
      sent += Int64(jump.bytes.count)
      while let next = stream.next(limit: piece) { sent += Int64(next.bytes.count) }
      #expect(sent == OutputCaps.standard.headBytes + OutputCaps.standard.tailBytes)
      #expect(stream.isDelivered)
    }
  }

  @Test func `a disk that refuses costs what waits, and that is told behind it`() throws {
    var stream = KeptStream(Fence(1), .stdout, in: OutputFolder(path: folder))
    append(&stream, 10)
    #expect(stream.next(limit: 100)?.bytes.count == 10)
    // There is no such folder: what is more than memory holds has no place.
    append(&stream, KeptStream.memoryBytes)
    #expect(stream.fault != nil && !stream.hasMore)
    let lost = stream.total
    stream.end()
    for _ in 0..<2 {
      #expect(stream.hasMore && !stream.isDelivered)
      let mark = stream.next(limit: 100)
      #expect(mark?.offset == lost && mark?.bytes == [])
      #expect(stream.isDelivered && stream.next(limit: 100) == nil)
      // It may not have arrived.
      stream.connectionLost()
    }
  }

  @Test func `where an earlier start left nothing, the end is told, and the coordinator knows what it lacks`()
    throws
  {
    var stream = try KeptStream(Fence(1), .stdout, in: OutputFolder(path: folder), total: 500, left: .nothing)
    #expect(!stream.isDelivered && stream.fault == nil)
    let mark = stream.next(limit: 100)
    #expect(mark?.offset == 500 && mark?.bytes == [] && stream.isDelivered)
  }

  @Test func `what is printed once the disk takes it again is kept`() throws {
    var stream = KeptStream(Fence(1), .stdout, in: OutputFolder(path: folder))
    append(&stream, KeptStream.memoryBytes + 1)
    let lost = stream.total
    try withFolder {
      append(&stream, 300_000)
      append(&stream, 300_000)
      stream.end()
      var at = lost
      while let next = stream.next(limit: 70_000) {
        #expect(next.offset == at && next.bytes == bytes(at..<at + Int64(next.bytes.count)))
        at += Int64(next.bytes.count)
      }
      #expect(at == stream.total && stream.isDelivered)
      stream.acknowledge(at)
      let left = try Files.names(in: folder)
      #expect(left.isEmpty)
    }
  }

  @Test func `a disk that refuses while nobody is connected leaves in memory what fits there`() {
    var stream = KeptStream(Fence(1), .stdout, in: OutputFolder(path: folder))
    append(&stream, 1000)
    stream.moveToFile()
    append(&stream, 1000)
    stream.end()
    #expect(stream.fault == nil)
    #expect(stream.next(limit: 10_000)?.bytes == bytes(0..<2000))
  }
}

/// SplitMix64: the same numbers for the same seed on every host.
private struct SplitMix {
  var state: UInt64
  mutating func next(_ bound: Int) -> Int {
    if bound <= 0 { return 0 }
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(bound))
  }
}
