import Testing

@testable import Protocol

@Suite struct MessageTests {
  private func bytes(_ message: some WireMessage) -> [UInt8] {
    var writer = JSONWriter()
    message.write(to: &writer)
    return writer.take()
  }

  private func decoded<Message: WireMessage>(_ text: String, as _: Message.Type) throws(FrameFault)
    -> [Message]
  {
    try FramePayload.messages(Array(text.utf8))
  }

  @Test(arguments: 0..<100) func `any message reads back as it was written`(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    for _ in 0..<40 {
      let down = random.toAgent()
      #expect(try FramePayload.messages(bytes(down)) == [down])
      let up = random.toCoordinator()
      #expect(try FramePayload.messages(bytes(up)) == [up])
    }
  }

  @Test(arguments: 0..<100) func `mutated messages are read or refused, and what is read can be written`(
    seed: Int
  ) throws {
    var random = SeededRandom(seed: 500 + UInt64(seed))
    for _ in 0..<100 {
      if let read: [ToAgent] = try? FramePayload.messages(random.mutated(bytes(random.toAgent()))) {
        for message in read { #expect(try FramePayload.messages(bytes(message)) == [message]) }
      }
      if let read: [ToCoordinator] = try? FramePayload.messages(random.mutated(bytes(random.toCoordinator())))
      {
        for message in read { #expect(try FramePayload.messages(bytes(message)) == [message]) }
      }
    }
  }

  @Test func `the type may stand anywhere and unknown members are passed over`() throws {
    let text = #"{"further":{"type":["x"]},"fence":5,"\u0074ype":"revoke","more":[1,null]}"#
    #expect(try decoded(text, as: ToAgent.self) == [.revoke(Fence(5))])
    let nested = #"{"type":"ended","fence":5,"result":{"rc":1,"kind":"exited","new":{},"stop":2,"start":1}}"#
    let result = AttemptResult(rc: 1, start: WallTime(nanoseconds: 1), stop: WallTime(nanoseconds: 2))
    #expect(try decoded(nested, as: ToCoordinator.self) == [.ended(Fence(5), result)])
  }

  @Test func `a frame holds one message or a list of them`() throws {
    let one = #"{"type":"heartbeat","number":1}"#
    #expect(try decoded(one, as: ToCoordinator.self) == [.heartbeat(1)])
    #expect(try decoded("[\(one), \(one)]", as: ToCoordinator.self) == [.heartbeat(1), .heartbeat(1)])
    #expect(try decoded("[]", as: ToCoordinator.self) == [])
  }

  @Test(arguments: [
    ("7", "a message should be an object"),
    ("[[]]", "a message should be an object"),
    ("{}", "a message needs \"type\""),
    (#"{"type":7}"#, "a string should stand here"),
    (#"{"type":"hallo"}"#, "unknown message type \"hallo\""),
    (#"{"type":"start"}"#, "unknown message type \"start\""),
    (#"{"type":"started","at":1}"#, "the message \"started\" needs \"fence\""),
    (
      #"{"type":"started","at":1,"fence":-1}"#,
      "a whole number from 0 to 9223372036854775807 should stand here"
    ),
    (#"{"type":"started","at":"1","fence":1}"#, "a number should stand here"),
    (#"{"type":"started","at":null,"fence":1}"#, "a number should stand here"),
    (#"{"type":"started","at":1.5,"fence":1}"#, "a whole number of 64 bits should stand here"),
    (#"{"type":"ended","fence":1}"#, "the message \"ended\" needs \"result\""),
    (#"{"type":"ended","fence":1,"result":[]}"#, "a result should be an object"),
    (
      #"{"type":"ended","fence":1,"result":{"kind":"exited","rc":4294967296,"start":1,"stop":1}}"#,
      "a whole number from -2147483648 to 2147483647 should stand here"
    ),
    (#"{"type":"output","fence":1,"stream":"stdin"}"#, "unknown stream \"stdin\""),
    (
      #"{"type":"output","fence":1,"stream":"stdout","offset":0}"#,
      "the message \"output\" needs \"text\" or \"base64\""
    ),
    (
      #"{"type":"output","fence":1,"stream":"stdout","offset":0,"text":"","base64":""}"#,
      "the message \"output\" has both \"text\" and \"base64\""
    ),
    (
      #"{"type":"output","fence":1,"stream":"stdout","offset":9223372036854775807,"text":"a"}"#,
      "the message \"output\" ends beyond 64 bits"
    ),
    (#"{"type":"output","fence":1,"stream":"stdout","offset":0,"base64":"A==="}"#, "this is not base64"),
    (
      #"{"type":"attempts","attempts":[{"fence":1,"phase":"running"}],"isLast":true}"#,
      "an attempt of the list needs \"since\""
    ),
    (#"{"type":"heartbeat","number":1} x"#, "there is text after the JSON value"),
    (#"{"type":"heartbeat","number":1,"number":1}"#, "the member \"number\" is there twice"),
  ])
  func `a wrong shape is refused in words`(text: String, words: String) {
    let fault = #expect(throws: FrameFault.self) { try decoded(text, as: ToCoordinator.self) }
    #expect(fault?.code == .malformed)
    #expect(fault?.message.hasSuffix(": " + words) == true, "\(fault?.message ?? "")")
  }

  @Test(arguments: [
    (#"{"command":[],"needs":{"milliCores":1,"memoryMB":1}}"#, "a job needs \"command\""),
    (#"{"command":["a"],"needs":{"milliCores":1}}"#, "an amount of resources needs \"memoryMB\""),
    (
      #"{"command":["a"],"needs":{"milliCores":1,"memoryMB":9223372036854775807}}"#,
      "at most 134217728 should stand here"
    ),
    (#"{"command":[{"base64":"AAA="}],"needs":{}}"#, "this base64 does not hold text"),
    (#"{"command":[{"base64":"/w=="}],"needs":{}}"#, "this base64 does not hold text"),
    (#"{"command":[{}],"needs":{}}"#, "a string or {\"base64\": …} should stand here"),
    (
      #"{"command":["a"],"needs":{"milliCores":1,"memoryMB":1},"timeoutSeconds":-1}"#,
      "a whole number from 0 to 2147483647 should stand here"
    ),
  ])
  func `a job that cannot be run is refused in words`(job: String, words: String) {
    let text = #"{"type":"start","fence":1,"run":0,"task":"a","attempt":1,"job":\#(job)}"#
    let fault = #expect(throws: FrameFault.self) { try decoded(text, as: ToAgent.self) }
    #expect(fault?.message.hasSuffix(": " + words) == true, "\(fault?.message ?? "")")
  }

  @Test func `words for people lose U+0000 and no connection`() throws {
    let read: [ToCoordinator] = try FramePayload.messages(bytes(ToCoordinator.goodbye(reason: "a\0b")))
    #expect(read == [.goodbye(reason: "a\u{FFFD}b")])
  }

  @Test(arguments: 0..<64) func `output of any bytes stays within 4/3 of itself`(byte: Int) throws {
    for byte in [UInt8(byte), UInt8(byte) + 64, UInt8(byte) + 128, UInt8(byte) | 192] {
      let output = ToCoordinator.output(
        Fence(.max), .stdout, offset: 1 << 62, [UInt8](repeating: byte, count: 32 << 10))
      let written = bytes(output)
      #expect(written.count < (32 << 10) / 3 * 4 + 200)
      #expect(try FramePayload.messages(written) == [output])
    }
  }

  @Test(arguments: ["\u{1}", "\"", "x", "é", "😀", "\0"])
  func `words of any length are cut, and a list full of them fits its frames`(letter: String) throws {
    let result = AttemptResult(
      kind: .notExecuted, rc: 126, start: WallTime(nanoseconds: .max), stop: WallTime(nanoseconds: .max),
      words: String(repeating: letter, count: 131_072), cpuMicroseconds: .max, peakMemoryKB: .max,
      stdoutBytes: .max, stderrBytes: .max)
    let list = ToCoordinator.list(
      (0..<1000).map { ToCoordinator.Held(fence: Fence(.max - Int64($0)), phase: .ended(result)) })
    for message in list {
      let written = bytes(message)
      #expect(written.count <= FrameLimits.payloadBytes)
      guard case .attempts(let held, _)? = try FramePayload.messages(written, as: ToCoordinator.self).first,
        case .ended(let read)? = held.first?.phase
      else {
        Issue.record("\(message)")
        continue
      }
      #expect(read.words.hasSuffix("…") && read.words.utf8.count > 600)
    }
  }

  @Test func `a list of attempts of any length ends once`() {
    for count in [0, 1, 499, 500, 501, 1000, 1234] {
      let held = (0..<count).map { ToCoordinator.Held(fence: Fence(Int64($0)), phase: .waiting) }
      var seen: [ToCoordinator.Held] = []
      let list = ToCoordinator.list(held)
      for (index, message) in list.enumerated() {
        guard case .attempts(let part, let isLast) = message else {
          Issue.record("\(message)")
          continue
        }
        seen += part
        #expect(isLast == (index == list.count - 1))
      }
      #expect(seen == held)
    }
  }
}

@Suite struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func `the test vectors of RFC 4648`(plain: String, encoded: String) {
    let bytes = Array(plain.utf8)
    #expect(bytes.withUnsafeBufferPointer { Base64.encode($0) } == Array(encoded.utf8))
    #expect(Base64.decode(Array(encoded.utf8)) == bytes)
  }

  @Test(arguments: [
    "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "====", "=", "Z===", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9_",
    "Zm9-", "Z=g=",
  ])
  func `another spelling is refused`(text: String) {
    #expect(Base64.decode(Array(text.utf8)) == nil)
  }

  @Test func `all bytes and lengths`() {
    var random = SeededRandom(seed: 1)
    for length in 0..<200 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      let encoded = bytes.withUnsafeBufferPointer { Base64.encode($0) }
      #expect(encoded.count == Base64.encodedCount(length))
      #expect(Base64.decode(encoded) == bytes)
    }
  }
}
