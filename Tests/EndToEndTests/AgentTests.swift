import Foundation
import Glibc
import Testing

@Suite struct `Agents` {
  @Test func `an agent is listed with what it has and uses`() async throws {
    try await Cluster.run(agents: [
      .init(name: "anna", cores: "2", memoryMB: 500, options: ["--label", "rack=7", "--label", "disk=fast"])
    ]) { cluster in
      let run = try cluster.submit(["a": shell("sleep 300", job: ["cores": 1.5, "memoryMB": 64])])
      try await cluster.wait(run, task: "a", is: "RUNNING")
      let agent = try #require(cluster.get("/v1/agents").list.first)
      #expect(agent["name"].string == "anna" && agent["state"].string == "ACTIVE")
      #expect(agent["cores"].double == 2 && agent["memoryMB"].double == 500)
      #expect(agent["coresUsed"].double == 1.5 && agent["memoryMBUsed"].double == 64)
      #expect(agent["labels"].stringMembers == ["rack": "7", "disk": "fast"])
      #expect(!agent["lastSeen"].isNull && agent["version"].string?.isEmpty == false)
    }
  }

  @Test func `an agent takes its cores and memory from the host when it is not told`() async throws {
    try await Cluster.run(agents: []) { cluster in
      var arguments = [
        "--coordinator", "127.0.0.1:\(cluster.agentPort)", "--data-dir", cluster.folder + "/agent", "--name",
        "plain",
        "--token-file", cluster.agentTokenPath,
      ]
      if geteuid() == 0 { arguments.append("--allow-root") }
      let agent = try ChildProcess(
        Programs.agent, arguments, environment: cluster.environment, outputPath: cluster.folder + "/plain.log"
      )
      defer { agent.end() }
      try await cluster.waitForAgent("plain")
      let shown = try #require(cluster.get("/v1/agents").list.first)
      #expect(shown["cores"].double == Double(ProcessInfo.processInfo.activeProcessorCount))
      #expect(try #require(shown["memoryMB"].double) >= 64)
    }
  }

  @Test func `an agent whose coordinator is not there yet waits, says so, and then works`() async throws {
    try await Cluster.run(agents: []) { cluster in
      try await cluster.killCoordinator()
      let agent = try cluster.startAgent(.init(name: "early"))
      try await eventually("it says that it waits") {
        agent.output.contains("127.0.0.1:\(cluster.agentPort)")
      }
      #expect(agent.isRunning)
      try await cluster.startCoordinator()
      try await cluster.waitForAgent("early")
      try await cluster.expectToWork()
    }
  }

  @Test func `a killed agent's tasks are run again by it when it is back, and none outlives it`() async throws
  {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("echo $$ >> pids; test -e go && exit 0; sleep 300")])
      try await eventually("it has started") { cluster.file("pids").hasSuffix("\n") }
      try await cluster.killAgent("anna")
      cluster.touch("go")
      try cluster.startAgent(.init(name: "anna"))
      #expect(try await cluster.wait(run) == "COMPLETED", "a lost attempt costs no retry")
      let attempts = try cluster.whole(run)["taskAttempts"]["a"].list
      #expect(
        attempts.map { $0["rc"].int } == [-1, 0] && attempts[0]["stopTime"].string == "0", "\(attempts)")
      #expect(attempts[0]["state"].string == "LOST")
      #expect(cluster.taskProcesses().isEmpty, "what the first agent left was swept")
    }
  }

  @Test func `the other agents go on while one is gone`() async throws {
    try await Cluster.run(agents: [.init(name: "anna"), .init(name: "bert")]) { cluster in
      try await cluster.killAgent("anna")
      for _ in 0..<4 { try await cluster.expectToWork() }
    }
  }

  @Test func `a second agent of the same name is refused, and the first is not disturbed`() async throws {
    try await Cluster.run { cluster in
      let first = try #require(cluster.agents["anna"])
      let process = try cluster.startAgent(.init(name: "anna", folder: "another"))
      try await eventually("the second is refused, in words") {
        process.output.contains("anna") && process.output.contains("name")
      }
      #expect(first.isRunning)
      try await cluster.expectToWork()
      #expect(try cluster.get("/v1/agents").list.count == 1)
      first.end()
    }
  }

  @Test func `an agent with the wrong token is refused and says so`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let path = cluster.folder + "/wrong.token"
      try String(repeating: "0", count: 64).write(toFile: path, atomically: true, encoding: .utf8)
      let agent = try cluster.startAgent(.init(name: "stranger"), tokenPath: path)
      try await eventually("it says so") { agent.output.contains("token") }
      #expect(try cluster.get("/v1/agents").list.isEmpty)
    }
  }

  @Test func `an agent's data directory that is in use ends the second with 70`() async throws {
    try await Cluster.run { cluster in
      let first = try #require(cluster.agents["anna"])
      let second = try cluster.startAgent(.init(name: "anna"))
      #expect(try await second.exit() == 70)
      #expect(second.output.contains(cluster.folder + "/agent-anna"), "\(second.output)")
      try await cluster.expectToWork()
      first.end()
    }
  }

  @Test func `work is spread over agents`() async throws {
    try await Cluster.run(agents: [.init(name: "anna"), .init(name: "bert")]) { cluster in
      let whole = try await cluster.ran(
        ["a": shell("sleep 0.3; : {{I}}", job: ["cores": 1])], parameters: ["I": ["0", "1", "2", "3"]])
      let attempts = (0..<4).map { whole["taskAttempts"]["a_\($0)"][0] }
      let latestStart = try #require(attempts.compactMap { $0["startTime"].time }.max())
      let earliestStop = try #require(attempts.compactMap { $0["stopTime"].time }.min())
      #expect(latestStart < earliestStop, "all four ran at once: two on each")
    }
  }
}
