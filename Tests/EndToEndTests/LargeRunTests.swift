import Foundation
import Testing

@Suite struct `Large runs` {
  @Test func `a hundred thousand tasks are fetched without the coordinator growing by fifty megabytes`()
    async throws
  {
    try await Cluster.run(agents: []) { cluster in
      let run = try cluster.submit(
        ["t": shell("true {{I}}", job: ["cores": 5000])], parameters: ["I": (0..<100_000).map(String.init)])
      let pid = try #require(cluster.coordinator).pid
      let before = try residentKilobytes(pid)
      let client = cluster.client
      let socket = try Socket(port: cluster.http)
      socket.write(client.head("GET", "/v1/dagrun/\(run)", bodyBytes: nil))
      var bytes = 0
      var most = before
      var end: [UInt8] = []
      while true {
        let piece = try socket.read()
        if piece.isEmpty { break }
        bytes += piece.count
        end = Array((end + piece).suffix(64))
        most = max(most, try residentKilobytes(pid))
      }
      #expect(bytes > 10_000_000)
      #expect(String(decoding: end, as: UTF8.self).hasSuffix("\r\n0\r\n\r\n"), "the chunked answer is whole")
      #expect(most - before < 50_000, "\(before) kB before, \(most) kB at most")
    }
  }

  @Test func `a reader who does not read holds nobody up`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(
        ["t": shell("true {{I}}", job: ["cores": 5000])], parameters: ["I": (0..<50_000).map(String.init)])
      let client = cluster.client
      let sleepers = try (0..<8).map { _ in
        let socket = try Socket(port: cluster.http)
        socket.write(client.head("GET", "/v1/dagrun/\(run)", bodyBytes: nil))
        return socket
      }
      for _ in 0..<3 { try await cluster.expectToWork() }
      _ = sleepers
    }
  }

  @Test func `two families joined all to all are one edge, whatever their size`() async throws {
    try await Cluster.run { cluster in
      let values = (0..<30_000).map(String.init)
      let run = try cluster.submit(
        ["a": shell("true {{I}}", ["children": ["b"]], job: ["cores": 5000]), "b": shell("true {{I}}")],
        parameters: ["I": values])
      let task = try cluster.get("/v1/dagrun/\(run)/task/b_17")
      #expect(task["parents"].strings == ["a"] && task["parentsAreFamilies"].bool == true)
      #expect(try cluster.taskState(run, "b_29999") == "QUEUED")
    }
  }

  private func residentKilobytes(_ pid: Int32) throws -> Int {
    let status = try #require(Cluster.contents("/proc/\(pid)/status"))
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    return try #require(Int(line.filter(\.isNumber)))
  }
}
