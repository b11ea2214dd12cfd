import Glibc
import HTTP
import Protocol
import RawHTTP
import System
import Testing

@Suite struct HTTPServerTests {
  let playground = Playground()

  /// Serves on a free port while `body` runs.
  func serve(
    _ limits: HTTPLimits = HTTPLimits(), host: String = "127.0.0.1", _ body: (ListenAddress) throws -> Void
  ) throws {
    let server = try HTTPServer(
      listen: ListenAddress(host: host, port: 0), limits: limits, responder: playground)
    defer { server.stop(grace: .milliseconds(200)) }
    try body(server.address)
  }

  @Test(arguments: ["127.0.0.1", "::1", "localhost"])
  func `it answers on every kind of loopback address and tells the port it took`(host: String) throws {
    try serve(host: host) { address in
      #expect(address.port != 0)
      #expect(RawClient(address).post("/echo", Array("hello".utf8))?.text == "hello")
    }
  }

  @Test func `a taken port is told apart from other failures`() throws {
    try serve { address in
      #expect {
        try HTTPServer(listen: address, responder: playground)
      } throws: {
        ($0 as? HTTPError)?.code == .portTaken
      }
    }
    #expect {
      try HTTPServer(listen: ListenAddress(host: "no such host", port: 0), responder: playground)
    } throws: {
      ($0 as? HTTPError)?.code == .address
    }
  }

  @Test func `one connection serves many requests and pipelined ones in order`() throws {
    try serve { address in
      let client = RawClient(address)
      for n in 0..<50 { #expect(client.post("/echo", Array("\(n)".utf8))?.text == "\(n)") }
      client.send(
        (0..<20).map { "POST /thread HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n\($0 + 10)" }.joined())
      for n in 0..<20 { #expect(client.answer()?.text == "\(n + 10)") }
    }
  }

  @Test func `a reply from another thread is never lost, whenever it comes`() throws {
    try serve { address in
      let client = RawClient(address)
      for n in 0..<2000 { #expect(client.post("/thread", Array("\(n)".utf8))?.text == "\(n)") }
    }
  }

  @Test func `a second reply to the same request goes nowhere`() throws {
    try serve { address in
      let client = RawClient(address)
      #expect(client.get("/twice")?.text == "first")
      #expect(client.get("/twice")?.text == "first")
    }
  }

  @Test func `HEAD gets the head of GET and no body`() throws {
    try serve { address in
      let client = RawClient(address)
      client.send("HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n")
      let head = try #require(client.answer(toHead: true))
      #expect(head.status == 200 && head.headers["content-length"] == "3000000")
      client.send("HEAD /count?to=3 HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(client.answer(toHead: true)?.status == 200)
      #expect(client.answer() == nil, "and nothing after it")
      #expect(playground.wait { $0.closed == 1 }, "a stream that HEAD does not read is closed too")
    }
  }

  @Test func `a path is split before it is decoded`() throws {
    try serve { address in
      let client = RawClient(address)
      #expect(client.get("/path/..%2f..%2Fetc/a+b/%zz/%4")?.text == "path|../../etc|a+b|%zz|%4")
      #expect(client.get("http://x:1/path/a")?.text == "path|a")
      #expect(client.get("/query?a=1%262&b&c=x+y&&=z")?.text == "a=1&2|b=|c=x y|=z")
    }
  }

  @Test func `bytes that are no text come to no harm`() throws {
    try serve { address in
      #expect(RawClient(address).get("/path/%ff%00%fe")?.status == 200)
      for request: [UInt8] in [
        Array("GET /path/\u{0}x HTTP/1.1\r\nHost: x\r\n\r\n".utf8),
        Array("GET /path/".utf8) + [0xFF, 0xFE] + Array(" HTTP/1.1\r\nHost: x\r\n\r\n".utf8),
        [0x16, 3, 1, 0, 0xFF, 13, 10, 13, 10], Array("\r\n\r\n\r\n".utf8), Array("GET\r\n\r\n".utf8),
        Array("G\u{0} \u{0} \u{0}\r\n\r\n".utf8),
        Array("POST /echo HTTP/1.1\r\nContent-Length: -5\r\n\r\n".utf8),
        Array("POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n".utf8),
        Array("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".utf8),
        Array("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n".utf8),
        Array("GET /path HTTP/1.1\r\n: \r\n\u{1}: \u{2}\r\nx\r\n\r\n".utf8),
      ] {
        let client = RawClient(address)
        client.send(request)
        shutdown(client.descriptor, Int32(SHUT_WR))
        #expect(client.isClosedByServer(), "\(request)")
      }
      #expect(RawClient(address).get("/path")?.status == 200, "the server still serves")
    }
  }

  @Test func `a request with two lengths or an unknown coding is refused`() throws {
    try serve { address in
      let both = RawClient(address)
      both.send(
        "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
      #expect(both.answer()?.status == 400)
      let coded = RawClient(address)
      coded.send("POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc")
      #expect(coded.answer()?.status == 501)
    }
  }

  @Test
  func `a body said to be too large is refused before it is sent, and the answer can be read while sending`()
    throws
  {
    var limits = HTTPLimits()
    limits.bodyBytes = 2_000_000
    try serve(limits) { address in
      let quiet = RawClient(address)
      quiet.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000001\r\n\r\n")
      let answer = try #require(quiet.answer())
      #expect(answer.status == 413 && answer.headers["content-type"] == "application/problem+json")
      #expect(answer.text.contains("\"error\":\"a request's body may have 2000000 bytes"))
      let eager = RawClient(address)
      eager.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n\r\n")
      #expect(eager.send([UInt8](repeating: 32, count: 40_000_000)))
      #expect(eager.answer()?.status == 413)
      let polite = RawClient(address)
      polite.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2000001\r\n\r\n")
      #expect(polite.answer()?.status == 413)
      #expect(polite.isClosedByServer())
      #expect(
        RawClient(address).post("/echo", [UInt8](repeating: 32, count: 2_000_000))?.body.count == 2_000_000)
    }
  }

  @Test func `a chunked body is counted as it comes`() throws {
    var limits = HTTPLimits()
    limits.bodyBytes = 100_000
    try serve(limits) { address in
      let client = RawClient(address)
      client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = Array("4000\r\n".utf8) + [UInt8](repeating: 65, count: 0x4000) + Array("\r\n".utf8)
      for _ in 0..<10 { client.send(chunk) }
      #expect(client.answer()?.status == 413)
      let small = RawClient(address)
      small.send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
      )
      #expect(small.answer()?.text == "abcde")
    }
  }

  @Test func `a refused request with a small body leaves the connection usable`() throws {
    try serve { address in
      let client = RawClient(address)
      let answer = try #require(client.post("/refused", [UInt8](repeating: 65, count: 100_000)))
      #expect(answer.status == 403 && answer.text.contains("\"title\":\"Forbidden\""))
      #expect(client.post("/echo", Array("on".utf8))?.text == "on")
      #expect(playground.held.with { $0.requests.allSatisfy { $0.body.isEmpty } }, "a head has no body")
    }
  }

  @Test func `a flood of headers is refused`() throws {
    try serve { address in
      let many = RawClient(address)
      many.send("GET /path HTTP/1.1\r\n" + (0..<200).map { "x\($0): y\r\n" }.joined() + "\r\n")
      #expect(many.answer()?.status == 431)
      let long = RawClient(address)
      long.send("GET /path HTTP/1.1\r\nx: \(String(repeating: "y", count: 30_000))\r\n\r\n")
      #expect(long.answer()?.status == 431)
      // More than the library takes of any head, so that the answer is its own. The client can send all of it
      // all the same, and then read the answer.
      let endless = RawClient(address)
      #expect(endless.send("GET /path HTTP/1.1\r\n" + (0..<500_000).map { "x\($0): y\r\n" }.joined()))
      #expect(endless.answer()?.status == 431)
      #expect(RawClient(address).get("/path")?.status == 200)
    }
  }

  @Test(arguments: [
    "GET /path HT", "POST /echo HTTP/1.1\r\nHost: x\r\nX: ",
    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
  ])
  func `a request that drips is given up, in all of its parts`(start: String) throws {
    var limits = HTTPLimits()
    limits.requestTime = .milliseconds(300)
    try serve(limits) { address in
      let client = RawClient(address)
      client.send(start)
      let dripper = Dripper(client.descriptor)
      let answer = client.answer()
      dripper.stop()
      #expect(answer?.status == 408)
    }
  }

  @Test func `an idle connection is closed without a word`() throws {
    var limits = HTTPLimits()
    limits.requestTime = .milliseconds(200)
    try serve(limits) { address in
      let client = RawClient(address)
      #expect(client.get("/path")?.status == 200)
      #expect(client.answer() == nil)
    }
  }

  @Test func `however many say nothing, who says something is heard, and keeps its place`() throws {
    var limits = HTTPLimits()
    limits.connections = 16
    // Nobody is to be ended for the time that a busy machine takes.
    limits.requestTime = .seconds(600)
    try serve(limits) { address in
      let spoken = RawClient(address)
      #expect(spoken.get("/path")?.status == 200)
      let silent = (0..<100).map { _ in RawClient(address) }
      for _ in 0..<5 { #expect(RawClient(address).get("/path")?.status == 200) }
      #expect(silent[0].isClosedByServer(), "who has been silent longest goes first")
      #expect(spoken.get("/path")?.status == 200, "who has spoken goes last")
    }
  }

  @Test func `where all have spoken, the one that has been silent longest goes`() throws {
    var limits = HTTPLimits()
    limits.connections = 16
    // Nobody is to be ended for the time that a busy machine takes.
    limits.requestTime = .seconds(600)
    try serve(limits) { address in
      let clients = (0..<40).map { _ in
        let client = RawClient(address)
        #expect(client.get("/path")?.status == 200)
        return client
      }
      #expect(clients[0].isClosedByServer())
      #expect(clients[39].get("/path")?.status == 200)
    }
  }

  @Test func `a request that waits for its answer keeps its place`() throws {
    var limits = HTTPLimits()
    limits.connections = 16
    // Nobody is to be ended for the time that a busy machine takes.
    limits.requestTime = .seconds(600)
    try serve(limits) { address in
      let waiting = RawClient(address)
      waiting.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(playground.wait { !$0.replies.isEmpty })
      let silent = (0..<60).map { _ in RawClient(address) }
      #expect(RawClient(address).get("/path")?.status == 200)
      playground.held.with { $0.replies[0](Response(status: 200, body: .bytes(Array("late".utf8)))) }
      #expect(waiting.answer()?.text == "late")
      withExtendedLifetime(silent) {}
    }
  }

  @Test func `a stream comes whole, whenever its wake-ups come`() throws {
    try serve { address in
      let client = RawClient(address)
      for _ in 0..<20 {
        let answer = try #require(client.get("/count?to=100"))
        #expect(answer.isWhole && answer.text == (0..<100).map { "\($0)\n" }.joined())
      }
      #expect(playground.wait { $0.closed == 20 })
      let old = RawClient(address)
      old.send("GET /count?to=5 HTTP/1.0\r\n\r\n")
      #expect(old.answer()?.status == 200)
      #expect(old.isClosedByServer())
    }
  }

  @Test func `a stream that fails cuts the connection, so that nobody takes it for whole`() throws {
    try serve { address in
      let client = RawClient(address)
      let answer = try #require(client.get("/count?to=100&fail=50"))
      #expect(!answer.isWhole)
      #expect(playground.wait { $0.closed == 1 })
    }
  }

  @Test func `a client that leaves during a quiet stream is noticed`() throws {
    var limits = HTTPLimits()
    limits.heartbeat = .milliseconds(100)
    try serve(limits) { address in
      do {
        let client = RawClient(address)
        client.send("GET /quiet HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(playground.wait { $0.asked > 3 }, "a quiet source is asked again after a heartbeat")
      }
      #expect(playground.wait { $0.closed == 1 })
    }
  }

  @Test func `a large answer has its length and all its bytes`() throws {
    try serve { address in
      let answer = try #require(RawClient(address).get("/big"))
      #expect(
        answer.headers["content-length"] == "3000000" && answer.body.allSatisfy { $0 == 7 }
          && answer.body.count == 3_000_000)
    }
  }

  @Test func `a stop lets an answer on its way out and ends what waits`() throws {
    let server = try HTTPServer(listen: ListenAddress(host: "127.0.0.1", port: 0), responder: playground)
    let streaming = RawClient(server.address)
    streaming.send("GET /quiet HTTP/1.1\r\nHost: x\r\n\r\n")
    let answered = RawClient(server.address)
    answered.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(playground.wait { $0.asked == 2 && $0.replies.count == 1 })
    let stopper = Thread(name: "stopper") { server.stop() }
    playground.held.with { $0.replies[0] }(Response(status: 200, body: .bytes(Array("out".utf8))))
    #expect(answered.answer()?.text == "out")
    stopper.join()
    #expect(streaming.answer()?.isWhole == false)
    #expect(playground.wait { $0.closed == 1 })
  }

  @Test func `a stop ends requests that nobody answers, and a late reply goes nowhere`() throws {
    let server = try HTTPServer(listen: ListenAddress(host: "127.0.0.1", port: 0), responder: playground)
    let client = RawClient(server.address)
    client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(playground.wait { $0.replies.count == 1 })
    server.stop(grace: .milliseconds(10))
    server.stop()
    #expect(client.answer() == nil)
    playground.held.with { $0.replies[0] }(Response(status: 200))
  }

  @Test func `a client that leaves before its answer harms nobody`() throws {
    try serve { address in
      for n in 1...20 {
        let client = RawClient(address)
        client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(playground.wait { $0.replies.count == n })
      }
      for reply in playground.held.with({ $0.replies }) { reply(Response(status: 200, body: .bytes([1]))) }
      #expect(RawClient(address).get("/path")?.status == 200)
    }
  }
}

/// Sends a byte every 20 ms until the socket ends or it is told to stop.
final class Dripper: Sendable {
  private let isStopped = Monitor(false)
  private let thread: Thread

  init(_ descriptor: Int32) {
    let isStopped = self.isStopped
    thread = Thread(name: "dripper") {
      while !isStopped.wait(upTo: .milliseconds(20), until: { $0 }, { $0 }) {
        _ = Glibc.send(descriptor, "a", 1, Int32(MSG_NOSIGNAL))
      }
    }
  }

  func stop() {
    isStopped.signal { $0 = true }
    thread.join()
  }
}
