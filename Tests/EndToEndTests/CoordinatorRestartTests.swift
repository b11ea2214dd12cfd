import Foundation
import Testing

@Suite struct `A coordinator killed and started again` {
  @Test func `knows every run, state and log, and goes on counting`() async throws {
    try await Cluster.run { cluster in
      let done = try cluster.submit(["a": shell("echo out; exit 4", ["maxRetries": 1])], ["tag": "before"])
      try await cluster.wait(done)
      let paused = try cluster.submit(["a": shell("", job: ["cores": 5000])])
      #expect(try cluster.client.call("PATCH", "/v1/dagrun/\(paused)/state/PAUSED").status == 200)
      let before = try (cluster.whole(done).description, cluster.get("/v1/dagruns?all=1").description)
      let tokens = (cluster.adminToken, Cluster.firstLine(cluster.agentTokenPath))
      try await cluster.killCoordinator()
      try await cluster.startCoordinator()
      #expect((cluster.adminToken, Cluster.firstLine(cluster.agentTokenPath)) == tokens)
      #expect(try cluster.whole(done).description == before.0)
      #expect(try cluster.get("/v1/dagruns?all=1").description == before.1)
      #expect(try cluster.state(paused) == "PAUSED")
      #expect(try cluster.submit(["a": command(["/bin/true"])]) == paused + 1)
    }
  }

  @Test func `a submission that was answered is run although the coordinator died at once`() async throws {
    try await Cluster.run { cluster in
      for _ in 0..<5 {
        let run = try cluster.submit(["a": command(["/bin/echo", "here"])])
        try await cluster.killCoordinator()
        try await cluster.startCoordinator()
        #expect(try await cluster.wait(run) == "COMPLETED")
        let attempts = try cluster.whole(run)["taskAttempts"]["a"].list
        #expect(
          attempts.filter { $0["rc"].int == 0 }.count == 1 && attempts.last?["outputLog"].string == "here\n")
      }
    }
  }

  @Test func `tasks run on meanwhile, and what they said and how they ended is handed in`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit([
        "ends": shell(
          "echo one; until test -e go; do sleep 0.02; done; echo two; touch ended", ["children": ["next"]]),
        "stays": shell("until test -e later; do sleep 0.02; done; echo three"), "next": shell("true"),
      ])
      try await cluster.wait(run, task: "ends", is: "RUNNING")
      try await cluster.wait(run, task: "stays", is: "RUNNING")
      try await cluster.killCoordinator()
      cluster.touch("go")
      try await eventually("a task ends while no coordinator is there") {
        cluster.exists("ended")
      }
      try await cluster.startCoordinator()
      try await cluster.wait(run, task: "next", is: "COMPLETED")
      #expect(try cluster.taskState(run, "stays") == "RUNNING")
      cluster.touch("later")
      #expect(try await cluster.wait(run) == "COMPLETED")
      let attempts = try cluster.whole(run)["taskAttempts"]
      #expect(attempts["ends"].list.map { $0["outputLog"].string } == ["one\ntwo\n"])
      #expect(attempts["stays"].list.map { $0["outputLog"].string } == ["three\n"])
    }
  }

  /// As when the host sleeps: on waking, the coordinator may be first.
  @Test func `a coordinator that stood still past the lease takes what ended meanwhile`() async throws {
    try await Cluster.run(agents: [], startsCoordinator: false) { cluster in
      try await cluster.startCoordinator(options: ["--lease-seconds", "10"])
      let agent = try cluster.startAgent(.init(name: "anna"))
      try await cluster.waitForAgent("anna")
      let run = try cluster.submit([
        "a": shell("touch began; until test -e go; do sleep 0.02; done; echo done; touch ended")
      ])
      try await eventually("it runs") { cluster.exists("began") }
      agent.send(SIGSTOP)
      cluster.coordinator?.send(SIGSTOP)
      // 110 % of the lease, after which an agent is lost.
      let end = Date() + 11.5
      cluster.touch("go")
      try await eventually("it ends") { cluster.exists("ended") }
      try await eventually("the lease is over") { Date() > end }
      cluster.coordinator?.send(SIGCONT)
      _ = try cluster.get("/v1/agents")
      agent.send(SIGCONT)
      #expect(try await cluster.wait(run) == "COMPLETED")
      let attempts = try cluster.whole(run)["taskAttempts"]["a"].list
      #expect(attempts.map { $0["outputLog"].string } == ["done\n"])
    }
  }

  @Test func `a kill that was answered is carried out after the restart`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("trap '' TERM; touch ready; while :; do sleep 1; done")])
      try await eventually("the task is there") {
        cluster.exists("ready")
      }
      #expect(try cluster.client.call("DELETE", "/v1/dagrun/\(run)").status == 200)
      try await cluster.killCoordinator()
      try await cluster.startCoordinator()
      #expect(try await cluster.wait(run) == "KILLED")
      #expect(cluster.taskProcesses().isEmpty)
    }
  }

  @Test func `killed again and again during a run, it loses nothing and does nothing twice`() async throws {
    let tasks = 300
    // Counts of finished tasks at which it is killed: anywhere, another place each time.
    let moments = (0..<4).map { _ in Int.random(in: 0..<tasks) }.sorted()
    try await Cluster.run(agents: [.init(name: "anna", cores: "2"), .init(name: "bert", cores: "2")]) {
      cluster in
      let run = try cluster.submit(
        [
          "t": shell(
            "echo $CARAVAN_TASK $CARAVAN_ATTEMPT $CARAVAN_FENCE >> starts; echo this is {{I}}",
            job: ["cores": 1])
        ],
        parameters: ["I": (0..<tasks).map(String.init)])
      for moment in moments {
        try await eventually("\(moment) tasks have started") {
          cluster.file("starts").utf8.count { $0 == UInt8(ascii: "\n") } >= moment
        }
        try await cluster.killCoordinator()
        try await cluster.startCoordinator()
      }
      #expect(try await cluster.wait(run, within: 180) == "COMPLETED", "killed at \(moments)")
      let whole = try cluster.whole(run)
      for i in 0..<tasks {
        let attempts = whole["taskAttempts"]["t_\(i)"].list
        #expect(attempts.filter { $0["rc"].int == 0 }.count == 1, "t_\(i), killed at \(moments): \(attempts)")
        #expect(attempts.last?["outputLog"].string == "this is \(i)\n", "t_\(i), killed at \(moments)")
      }
      let starts = cluster.file("starts").split(separator: "\n")
      #expect(Set(starts).count == starts.count, "no attempt was started twice")
      let shown = (0..<tasks).reduce(0) { $0 + whole["taskAttempts"]["t_\($1)"].list.count }
      #expect(shown == starts.count, "what the tasks themselves wrote is what the coordinator tells")
    }
  }

  @Test func `a generator's output that was not taken up yet is taken up once`() async throws {
    try await Cluster.run { cluster in
      let made = (0..<500).map {
        "\"m\($0)\": {\"job\": {\"command\": [\"/bin/true\"], \"cores\": 0.1, \"memoryMB\": 1}}"
      }
      try "{\(made.joined(separator: ","))}".write(
        toFile: cluster.workFolder + "/output.json", atomically: true, encoding: .utf8)
      let run = try cluster.submit([
        "gen": shell("cat output.json; touch printed", ["isGenerator": true, "children": ["end"]]),
        "end": shell("true"),
      ])
      try await eventually("the generator has printed") {
        cluster.exists("printed")
      }
      try await cluster.killCoordinator()
      try await cluster.startCoordinator()
      #expect(try await cluster.wait(run) == "COMPLETED")
      let whole = try cluster.whole(run)
      #expect(whole["taskStates"].names.count == 502)
      #expect(whole["taskAttempts"]["gen"].list.filter { $0["rc"].int == 0 }.count == 1)
    }
  }
}
