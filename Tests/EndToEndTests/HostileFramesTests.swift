import Foundation
import Testing

/// The agents' port, and what no agent would send there.
@Suite struct `Hostile frames` {
  private func frame(_ payload: String) -> [UInt8] {
    let bytes = Array(payload.utf8)
    return (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (24 - 8 * $0)) } + bytes
  }

  private func hello(
    _ cluster: Cluster, versions: (Int, Int) = (1, 1), token: String? = nil, name: String = "raw"
  ) -> String {
    """
    {"type":"hello","minVersion":\(versions.0),"maxVersion":\(versions.1),\
    "token":"\(token ?? Cluster.firstLine(cluster.agentTokenPath))","name":"\(name)","directoryID":"0123456789abcdef",\
    "bootID":"00000000-0000-0000-0000-000000000000","startNumber":1,\
    "capacity":{"milliCores":1000,"memoryMB":100},"labels":{},"software":"a test","pid":1}
    """
  }

  @Test func `end their own connection and disturb nobody else`() async throws {
    try await Cluster.run { cluster in
      let token = Cluster.firstLine(cluster.agentTokenPath)
      var cases: [(name: String, bytes: [UInt8])] = [
        ("2 GiB announced", [0x80, 0, 0, 0]),
        ("4 GiB announced", [0xff, 0xff, 0xff, 0xff] + Array("{}".utf8)),
        ("zero bytes", [0, 0, 0, 0]), ("garbage", frame("garbage")), ("not a message", frame("[1, 2]")),
        ("an unknown message", frame(#"{"type":"dance"}"#)), ("no UTF-8", [0, 0, 0, 2, 0xff, 0xfe]),
        ("more than may stand before a hello", frame(String(repeating: " ", count: 5000) + hello(cluster))),
        ("work before the hello", frame(#"{"type":"heartbeat","number":1}"#)),
        ("a wrong token", frame(hello(cluster, token: String(token.reversed())))),
        ("an empty token", frame(hello(cluster, token: ""))),
        ("a name with a slash", frame(hello(cluster, name: "../x"))),
        ("a hello from the future", frame(hello(cluster, versions: (1000, 2000)))),
        ("HTTP", Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)),
      ]
      cases.append(("nonsense after a hello that holds", frame(hello(cluster)) + frame("{")))
      for (name, bytes) in cases {
        let socket = try Socket(port: cluster.agentPort)
        socket.write(bytes)
        do {
          _ = try await socket.remainder(within: 30)
        } catch {
          Issue.record("\(name): the connection stays open (\(error))")
        }
      }
      try await cluster.expectToWork()
    }
  }

  @Test func `a hello from the future is told which versions there are`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let socket = try Socket(port: cluster.agentPort)
      socket.write(frame(hello(cluster, versions: (1000, 2000))))
      let answer = String(decoding: try await socket.remainder().dropFirst(4), as: UTF8.self)
      #expect(answer.contains("refused") && answer.contains("versionUnknown"), "\(answer)")
    }
  }

  @Test func `half a frame and silence keep nobody waiting`() async throws {
    try await Cluster.run { cluster in
      let silent = try (0..<20).map { _ in try Socket(port: cluster.agentPort) }
      let halves = try (0..<20).map { _ in
        let socket = try Socket(port: cluster.agentPort)
        socket.write(Array(frame(hello(cluster)).prefix(40)))
        return socket
      }
      try await cluster.expectToWork()
      // They are sent away, too: who says nothing holds no connection for long.
      for socket in silent + halves { _ = try await socket.remainder(within: 60) }
    }
  }

  @Test func `a hello in single bytes is a hello`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let socket = try Socket(port: cluster.agentPort)
      for byte in frame(hello(cluster)) { socket.write([byte]) }
      socket.write(frame(#"{"type":"attempts","attempts":[],"isLast":true}"#))
      try await cluster.waitForAgent("raw")
      _ = socket
    }
  }
}
