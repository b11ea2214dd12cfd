import HTTP
import Protocol
import RawHTTP
import Scheduling
import System
import Testing

@testable import Coordinator

@Suite struct LogRoutesTests {
  let served: ServedStore
  static let path = "/v1/dagrun/0/task/a/log"

  init() throws {
    served = try ServedStore()
    try served.add(#"{"tasks": {"a": {"job": {"command": ["x"]}}}}"#)
  }

  @Test func `a log is raw bytes, by stream, attempt, offset and range`() throws {
    var first = Sample.ended(0, 0, 1, rc: 1)
    first.words = "ended by signal 9"
    let second = Sample.ended(0, 0, 2)
    try served.add([first, second])
    served.print([0x61, 0xFF, 0x00, 0x62], first)
    served.print(Array("err".utf8), first, .stderr)
    served.print(Array("0123456789".utf8), second)
    let latest = served.ask("GET", Self.path)
    #expect(latest.text == "0123456789" && latest.header("Content-Type") == "text/plain; charset=utf-8")
    #expect(served.ask("GET", Self.path + "?attempt=1").body == [0x61, 0xFF, 0x00, 0x62])
    #expect(served.ask("GET", Self.path + "?attempt=1&stream=stderr").text == "err")
    #expect(served.ask("GET", Self.path + "?attempt=1&stream=executor&offset=9").text == "signal 9")
    #expect(served.ask("GET", Self.path + "?offset=7").text == "789")
    #expect(served.ask("GET", Self.path + "?offset=100").text == "")
    let part = served.ask("GET", Self.path, headers: [("range", "bytes=2-4")])
    #expect(part.status == 206 && part.text == "234" && part.header("Content-Range") == "bytes 2-4/10")
    #expect(served.ask("GET", Self.path, headers: [("range", "bytes=-2")]).text == "89")
    let beyond = served.ask("GET", Self.path, headers: [("range", "bytes=10-")])
    #expect(beyond.status == 416 && beyond.header("Content-Range") == "bytes */10")
  }

  @Test(arguments: [
    ("attempt=3", 404), ("attempt=0", 400), ("stream=all", 400), ("offset=-1", 400), ("follow=x", 400),
  ])
  func `what is asked in vain is refused`(query: String, status: Int) throws {
    try served.add([Sample.ended(0, 0)])
    #expect(served.ask("GET", "\(Self.path)?\(query)").status == status)
  }

  @Test func `a large log is read in pieces`() throws {
    let row = Sample.ended(0, 0)
    try served.add([row])
    let log = (0..<200_000).map { "\($0)\n" }.joined()
    served.print(Array(log.utf8), row)
    let answer = served.ask("GET", Self.path)
    #expect(answer.text == log && answer.largestPiece < 200_000)
  }

  @Test func `a followed log waits for the start, comes as it grows, and ends with the attempt`() throws {
    let server = try HTTPServer(listen: ListenAddress(host: "127.0.0.1", port: 0), responder: served.api)
    defer { server.stop(grace: .milliseconds(100)) }
    let client = RawClient(server.address)
    client.send("GET \(Self.path)?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    var row = Sample.attempt(0, 0, 1, .running)
    try served.add([row])
    served.print(Array("first\n".utf8), row)
    #expect(client.chunk() == "first\n")
    served.print(Array("second\n".utf8), row, at: 6)
    #expect(client.chunk() == "second\n")
    served.print(Array("last\n".utf8), row, at: 13)
    row.state = .completed
    var commit = Commit()
    commit.attempts = [.update(row)]
    try served.store.commit(commit)
    served.logs.followers.attemptEnded(row.fence)
    #expect(client.chunk() == "last\n")
    #expect(client.chunk() == "", "the last chunk of an answer is empty")
    #expect(client.ask("GET", "/v1/dagrun/0/state")?.status == 200, "the connection goes on")
  }
}
