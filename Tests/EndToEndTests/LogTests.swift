import Foundation
import Testing

@Suite struct `Logs` {
  @Test func `a task's output is raw bytes, by stream, offset and attempt`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit([
        "a": shell(
          "printf 'a\\377\\000b\\n'; echo err >&2; test $CARAVAN_ATTEMPT != 1 && echo later; test -e ran || { touch ran; exit 1; }",
          ["maxRetries": 1])
      ])
      try await cluster.wait(run)
      let path = "/v1/dagrun/\(run)/task/a/log"
      let attempts = try cluster.get("/v1/dagrun/\(run)/task/a/attempts").list
      #expect(attempts.count == 2)
      let latest = try cluster.client.call("GET", path + "?stream=stdout")
      #expect(latest.status == 200 && latest.body.starts(with: [0x61, 0xff, 0x00, 0x62, 0x0a]), "\(latest)")
      #expect(latest.headers["content-type"] == "text/plain; charset=utf-8")
      #expect(try cluster.client.call("GET", path + "?stream=stderr").text == "err\n")
      #expect(
        try cluster.client.call("GET", path + "?stream=stdout&offset=3").body.starts(with: [0x62, 0x0a]))
      #expect(try cluster.client.call("GET", path + "?stream=nonsense").status == 400)
    }
  }

  @Test func `a log can be followed while the task runs`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit([
        "a": shell("echo first; until test -e go; do sleep 0.02; done; echo second")
      ])
      try await cluster.wait(run, task: "a", is: "RUNNING")
      let client = cluster.client
      let socket = try Socket(port: cluster.http)
      socket.write(client.head("GET", "/v1/dagrun/\(run)/task/a/log?stream=stdout&follow=1", bodyBytes: nil))
      var seen: [UInt8] = []
      try await eventually("the first line comes while the task runs") {
        while let bytes = try socket.readWithoutWaiting() {
          guard !bytes.isEmpty else {
            throw NeverHappened(description: "the log ended early: \(String(decoding: seen, as: UTF8.self))")
          }
          seen += bytes
        }
        return String(decoding: seen, as: UTF8.self).contains("first\n")
      }
      #expect(try cluster.taskState(run, "a") == "RUNNING")
      cluster.touch("go")
      seen += try await socket.remainder()
      #expect(String(decoding: seen, as: UTF8.self).contains("second\n"), "and ends when the task has ended")
    }
  }

  @Test func `a large output arrives whole and in order`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": command(["/usr/bin/seq", "1", "400000"])])
      #expect(try await cluster.wait(run) == "COMPLETED")
      let log = try cluster.client.call("GET", "/v1/dagrun/\(run)/task/a/log?stream=stdout").text
      #expect(log == (1...400_000).map { "\($0)\n" }.joined())
      let attempt = try cluster.whole(run)["taskAttempts"]["a"][0]
      let cut = try #require(attempt["outputLog"].string)
      #expect(cut.utf8.count <= 64 << 10 && log.hasSuffix(cut), "the whole run's answer has its last 64 KiB")
      #expect(
        try cluster.get("/v1/dagrun/\(run)?logs=full")["taskAttempts"]["a"][0]["outputLog"].string == log)
      #expect(
        try cluster.get("/v1/dagrun/\(run)?logs=none")["taskAttempts"]["a"][0]["outputLog"].string == "")
    }
  }

  @Test func `a killed task's output is kept`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("echo before; touch said; sleep 300")])
      try await eventually("it has said something") {
        cluster.exists("said")
      }
      #expect(try cluster.client.call("DELETE", "/v1/dagrun/\(run)").status == 200)
      try await cluster.wait(run)
      #expect(try cluster.whole(run)["taskAttempts"]["a"][0]["outputLog"].string == "before\n")
    }
  }
}
