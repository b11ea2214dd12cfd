import Foundation
import Testing

@Suite struct `Killing` {
  @Test func `a killed run's processes are gone when it says KILLED, and what never started stays QUEUED`()
    async throws
  {
    try await Cluster.run { cluster in
      let run = try cluster.submit(
        ["a": shell("sleep 300 & sleep 300; : {{I}}", job: ["cores": 1])],
        parameters: ["I": (0..<20).map(String.init)])
      try await eventually("two of them sleep") { cluster.taskProcesses().count >= 4 }
      #expect(try cluster.client.call("DELETE", "/v1/dagrun/\(run)").status == 200)
      #expect(try await cluster.wait(run) == "KILLED")
      #expect(cluster.taskProcesses().isEmpty)
      let states = try cluster.whole(run)["taskStates"].stringMembers
      #expect(
        Set(states.values) == ["KILLED", "QUEUED"] && states.values.filter { $0 == "KILLED" }.count == 2)
      let attempt = try cluster.whole(run)["taskAttempts"]["a_0"][0]
      #expect(attempt["rc"].int == 128 + 15 && attempt["executorLog"].string?.isEmpty == false)
      #expect(
        try cluster.client.call("DELETE", "/v1/dagrun/\(run)").status == 200, "killing again changes nothing")
    }
  }

  @Test func `a task that ignores SIGTERM gets SIGKILL after the grace time`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("trap '' TERM; touch ready; while :; do sleep 1; done")])
      try await eventually("it ignores the signal") {
        cluster.exists("ready")
      }
      #expect(try cluster.client.call("DELETE", "/v1/dagrun/\(run)").status == 200)
      #expect(try await cluster.wait(run) == "KILLED")
      #expect(try cluster.whole(run)["taskAttempts"]["a"][0]["rc"].int == 128 + 9)
      #expect(cluster.taskProcesses().isEmpty)
    }
  }

  @Test func `a killed task takes only what follows it along`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit([
        "long": shell("sleep 300", ["children": ["after"]]), "after": shell("true"), "short": shell("true"),
      ])
      try await cluster.wait(run, task: "long", is: "RUNNING")
      #expect(try cluster.client.call("DELETE", "/v1/dagrun/\(run)/task/long").status == 200)
      #expect(try await cluster.wait(run) == "KILLED")
      #expect(
        try cluster.whole(run)["taskStates"].stringMembers == [
          "long": "KILLED", "after": "QUEUED", "short": "COMPLETED",
        ])
    }
  }

  @Test func `a task that waits for its next try can be killed`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("exit 1", ["maxRetries": 3, "retryIntervalSeconds": 3600])])
      try await cluster.wait(run, task: "a", is: "RETRY")
      #expect(try cluster.client.call("DELETE", "/v1/dagrun/\(run)/task/a").status == 200)
      #expect(try await cluster.wait(run) == "KILLED")
    }
  }

  @Test func `killing a run with a hundred thousand queued tasks is prompt`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(
        ["a": shell("sleep 300; : {{I}}", job: ["cores": 1])],
        parameters: ["I": (0..<100_000).map(String.init)])
      try await cluster.wait(run, task: "a_0", is: "RUNNING")
      let start = ContinuousClock.now
      #expect(try cluster.client.call("DELETE", "/v1/dagrun/\(run)").status == 200)
      #expect(try await cluster.wait(run) == "KILLED")
      #expect(ContinuousClock.now - start < .seconds(10))
    }
  }
}
