import Foundation
import Testing

@Suite struct `Log retention` {
  /// A run that prints about so many KiB.
  private func print(_ cluster: Cluster, kib: Int) async throws -> Int {
    let run = try cluster.submit(["a": shell("yes 0123456789abcde | head -c \(kib << 10)")])
    try await cluster.wait(run, for: ["COMPLETED"])
    return run
  }

  private func status(_ cluster: Cluster, _ run: Int) throws -> Int {
    // Its end alone: one that is removed while it is read is cut off.
    try cluster.client.call("GET", "/v1/dagrun/\(run)/task/a/log?offset=100000000").status
  }

  @Test func `a coordinator that may keep a megabyte removes the oldest logs while it serves`() async throws {
    try await Cluster.run(agents: [], startsCoordinator: false) { cluster in
      try await cluster.startCoordinator(options: ["--keep-logs-mb", "1"])
      try cluster.startAgent(.init(name: "anna"))
      try await cluster.waitForAgent("anna")
      var runs: [Int] = []
      for _ in 0..<5 { runs.append(try await print(cluster, kib: 400)) }
      try await eventually("the oldest is gone") { try status(cluster, runs[0]) == 410 }
      let gone = try cluster.client.call("GET", "/v1/dagrun/\(runs[0])/task/a/log")
      #expect(gone.json["detail"].string?.contains("--keep-logs-mb") == true, "\(gone)")
      let attempt = try cluster.whole(runs[0])["taskAttempts"]["a"][0]
      #expect(attempt["outputLogPruned"].bool == true && attempt["outputBytes"].int == 400 << 10)
      #expect(try status(cluster, runs[4]) == 200, "the newest fits")
      // What is gone stays gone, and what is kept stays, through a death.
      try await cluster.killCoordinator()
      try await cluster.startCoordinator()
      #expect(try status(cluster, runs[0]) == 410 && status(cluster, runs[4]) == 200)
    }
  }

  @Test func `a coordinator that is killed while it removes goes on at its next start`() async throws {
    try await Cluster.run(agents: []) { cluster in
      try cluster.startAgent(.init(name: "anna"))
      try await cluster.waitForAgent("anna")
      let run = try cluster.submit([
        "a": shell("head -c 15000000 /dev/zero | tr '\\0' x"),
        "b": shell("head -c 15000000 /dev/zero | tr '\\0' y"),
      ])
      try await cluster.wait(run, for: ["COMPLETED"])
      let last = try await print(cluster, kib: 100)
      // Each start removes for a moment.
      for _ in 0..<4 {
        try await cluster.killCoordinator()
        try await cluster.startCoordinator(options: ["--keep-logs-mb", "1"])
        let answer = try status(cluster, run)
        #expect(answer == 200 || answer == 410)
      }
      try await eventually("it is gone") { try status(cluster, run) == 410 }
      #expect(try status(cluster, last) == 200)
      try await cluster.expectToWork()
    }
  }
}
