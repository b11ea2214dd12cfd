import Testing

@testable import Protocol

@Suite struct FrameTests {
  private func frame(_ payload: some Collection<UInt8>) -> [UInt8] {
    let n = payload.count
    return [UInt8(n >> 24), UInt8(n >> 16 & 255), UInt8(n >> 8 & 255), UInt8(n & 255)] + Array(payload)
  }

  private func messages(_ stream: [UInt8]) throws -> [ToCoordinator] {
    var decoder = FrameDecoder()
    decoder.append(stream)
    var all: [ToCoordinator] = []
    while let payload = try decoder.next() { all += try FramePayload.messages(payload) }
    #expect(!decoder.isInsideFrame)
    return all
  }

  @Test func `the length is big-endian and does not count itself`() throws {
    var encoder = FrameEncoder()
    try encoder.append(ToCoordinator.heartbeat(1))
    try encoder.append(ToCoordinator.revoked(Fence(7)))
    let payload = #"[{"type":"heartbeat","number":1},{"type":"revoked","fence":7}]"#
    #expect(encoder.take() == frame(Array(payload.utf8)))
    #expect(encoder.isEmpty && encoder.take().isEmpty)
  }

  @Test(arguments: 0..<100) func `however the stream is chunked, the frames are the same`(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let payloads = (0..<20).map { _ in
      (0..<(1 + random.below(random.chance(4) ? 5000 : 20))).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
    }
    let stream = payloads.flatMap { frame($0) }
    var decoder = FrameDecoder(payloadLimit: 5000)
    var seen: [[UInt8]] = []
    var at = 0
    while at < stream.count {
      let end = min(stream.count, at + 1 + random.below(random.chance(3) ? 9000 : 7))
      decoder.append(stream[at..<end])
      at = end
      // Not all that is there need be taken at once.
      while !random.chance(20), let payload = try decoder.next() { seen.append(payload) }
    }
    while let payload = try decoder.next() { seen.append(payload) }
    #expect(seen == payloads)
    #expect(!decoder.isInsideFrame)
  }

  @Test func `a frame at the limit is taken and one byte more is not`() throws {
    var decoder = FrameDecoder(payloadLimit: 100)
    decoder.append(frame([UInt8](repeating: 1, count: 100)))
    #expect(try decoder.next()?.count == 100)
    decoder.append(frame([UInt8](repeating: 1, count: 101)))
    let fault = #expect(throws: FrameFault.self) { try decoder.next() }
    #expect(fault?.message == "a frame of 101 bytes, at most 100 are taken here")
  }

  @Test(arguments: [[0x80, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0x00, 0x10, 0x00, 0x01]] as [[UInt8]])
  func `a length over the limit is refused before its bytes come`(header: [UInt8]) {
    var decoder = FrameDecoder()
    decoder.append(header)
    let fault = #expect(throws: FrameFault.self) { try decoder.next() }
    #expect(fault?.code == .tooLarge)
  }

  @Test func `a frame of zero bytes is a fault and the stream stays lost`() {
    var decoder = FrameDecoder()
    decoder.append([0, 0, 0, 0])
    let first = #expect(throws: FrameFault.self) { try decoder.next() }
    #expect(first?.code == .empty)
    decoder.append(frame(Array("[]".utf8)))
    #expect(throws: FrameFault(.empty, first?.message ?? "")) { try decoder.next() }
  }

  @Test func `half a frame waits, and is known for half a frame`() throws {
    var decoder = FrameDecoder()
    #expect(!decoder.isInsideFrame)
    for byte in frame(Array("[]".utf8)).dropLast() {
      decoder.append([byte])
      #expect(try decoder.next() == nil)
      #expect(decoder.isInsideFrame)
    }
    decoder.append(Array("]".utf8))
    #expect(try decoder.next() == Array("[]".utf8))
    #expect(!decoder.isInsideFrame)
  }

  @Test func `the limit is raised once the hello is accepted`() throws {
    var decoder = FrameDecoder(payloadLimit: FrameLimits.payloadBytesBeforeHello)
    decoder.append(frame([UInt8](repeating: 1, count: 10)))
    #expect(try decoder.next() != nil)
    decoder.payloadLimit = FrameLimits.payloadBytes
    decoder.append(frame([UInt8](repeating: 1, count: 1 << 20)))
    #expect(try decoder.next()?.count == 1 << 20)
  }

  @Test(arguments: 0..<50) func `messages are split into frames of at most the limit, in order`(seed: Int)
    throws
  {
    var random = SeededRandom(seed: UInt64(seed))
    var encoder = FrameEncoder(payloadLimit: 600 + random.below(3000))
    var sent: [ToCoordinator] = []
    for _ in 0..<200 {
      let message = random.toCoordinator()
      let before = encoder.count
      do throws(FrameFault) {
        try encoder.append(message)
        sent.append(message)
      } catch {
        #expect(error.code == .tooLarge)
        #expect(encoder.count == before, "what does not fit leaves nothing behind")
      }
    }
    let stream = encoder.take()
    var decoder = FrameDecoder(payloadLimit: encoder.payloadLimit)
    decoder.append(stream)
    var seen: [ToCoordinator] = []
    while let payload = try decoder.next() { seen += try FramePayload.messages(payload) }
    #expect(seen == sent)
    #expect(sent.count > 100)
  }

  @Test func `a message that fits exactly is sent, and one byte more is not`() throws {
    var encoder = FrameEncoder(payloadLimit: 500)
    func goodbye(_ payload: Int) -> ToCoordinator {
      .goodbye(
        reason: String(repeating: "x", count: payload - #"[{"type":"goodbye","reason":""}]"#.utf8.count))
    }
    try encoder.append(goodbye(500))
    #expect(encoder.take().count == 504)
    #expect(throws: FrameFault.self) { try encoder.append(goodbye(501)) }
    #expect(encoder.isEmpty)
    try encoder.append(ToCoordinator.heartbeat(1))
    try encoder.append(goodbye(500))
    #expect(throws: FrameFault.self) { try encoder.append(goodbye(501)) }
    try encoder.append(ToCoordinator.heartbeat(2))
    #expect(try messages(encoder.take()) == [.heartbeat(1), goodbye(500), .heartbeat(2)])
  }

  @Test(arguments: [false, true]) func `a message may be larger where it is alone`(isFirst: Bool) throws {
    var encoder = FrameEncoder(payloadLimit: 500, aloneLimit: 2000)
    let small = ToAgent.kill(Fence(1), graceSeconds: nil, reason: "small")
    let large = ToAgent.kill(Fence(2), graceSeconds: nil, reason: String(repeating: "x", count: 1900))
    if !isFirst { try encoder.append(small) }
    try encoder.append(large)
    try encoder.append(small)
    try encoder.append(small)
    #expect(throws: FrameFault.self) {
      try encoder.append(
        ToAgent.kill(Fence(3), graceSeconds: nil, reason: String(repeating: "x", count: 2000)))
    }
    var decoder = FrameDecoder(payloadLimit: 2000)
    decoder.append(encoder.take())
    var frames: [[ToAgent]] = []
    while let payload = try decoder.next() { frames.append(try FramePayload.messages(payload)) }
    #expect(frames == (isFirst ? [] : [[small]]) + [[large], [small, small]])
  }

  @Test(arguments: 0..<50) func `a mutated stream gives frames, a fault or nothing`(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    for _ in 0..<50 {
      var encoder = FrameEncoder()
      for _ in 0..<5 { try encoder.append(random.toAgent()) }
      let stream = random.mutated(encoder.take())
      var decoder = FrameDecoder(payloadLimit: 4096)
      decoder.append(stream)
      do throws(FrameFault) {
        while let payload = try decoder.next() {
          #expect((1...4096).contains(payload.count))
          _ = try FramePayload.messages(payload, as: ToAgent.self)
        }
      } catch {
        #expect(!error.message.isEmpty)
      }
    }
  }
}
