import Foundation
import Glibc
import Testing

@Suite struct `What is lost` {
  /// Waits for the agent's death, and starts it again.
  private func revive(_ cluster: Cluster) async throws {
    try await cluster.agents["anna"]?.exit()
    try cluster.startAgent(.init(name: "anna"))
    try await cluster.waitForAgent("anna")
  }

  @Test func `a task that kills its agent is found, and what ran beside it is not taken for it`() async throws
  {
    try await Cluster.run { cluster in
      let run = try cluster.submit([
        "beside": shell("while ! test -e go; do sleep 0.02; done"),
        "killer": shell("while ! test -e strike; do sleep 0.02; done; rm strike; kill -9 $PPID; sleep 300"),
      ])
      for _ in 1...2 {
        for task in ["beside", "killer"] { try await cluster.wait(run, task: task, is: "RUNNING") }
        cluster.touch("strike")
        try await revive(cluster)
      }
      // From here on they take turns, in one order or the other, as either may be it.
      cluster.touch("go")
      cluster.touch("strike")
      try await revive(cluster)
      #expect(try await cluster.wait(run) == "ERRORED")
      let killer = try cluster.whole(run)["taskAttempts"]["killer"].list
      #expect(killer.map { $0["state"].string } == ["LOST", "LOST", "LOST"])
      #expect(killer.last?["executorLog"].string?.contains("deaths of 3 agent processes") == true)
      #expect(try cluster.taskState(run, "beside") == "COMPLETED")
    }
  }

  @Test func `a task that may not be lost is not started twice`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["once": shell("echo x >> begun; sleep 300", ["maxLost": 0])])
      try await eventually("it has started") { cluster.file("begun") == "x\n" }
      try await cluster.killAgent("anna")
      try await revive(cluster)
      #expect(try await cluster.wait(run) == "ERRORED")
      #expect(cluster.file("begun") == "x\n")
      let words = try cluster.whole(run)["taskAttempts"]["once"].list.first?["executorLog"].string
      #expect(words?.contains("lost 1 time, it is not tried again") == true, "\(words ?? "")")
    }
  }
}
