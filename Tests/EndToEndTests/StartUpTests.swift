import Foundation
import Glibc
import Testing

@Suite struct `Starting and stopping` {
  @Test func `the first start makes tokens and endpoints that only the owner can read`() async throws {
    try await Cluster.run(agents: []) { cluster in
      for name in ["admin.token", "agent.token", "endpoints.json"] {
        let attributes = try FileManager.default.attributesOfItem(atPath: cluster.dataFolder + "/" + name)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(name)")
      }
      #expect(cluster.adminToken != Cluster.firstLine(cluster.agentTokenPath))
    }
  }

  @Test func `a port that is taken ends the coordinator with 69, and says which`() async throws {
    try await Cluster.run(agents: []) { cluster in
      for (flags, port) in [
        (["--listen", "127.0.0.1:\(cluster.http)", "--agent-listen", "127.0.0.1:0"], cluster.http),
        (["--listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:\(cluster.agentPort)"], cluster.agentPort),
      ] {
        let second = try cluster.launchCoordinator(flags, dataFolder: cluster.folder + "/second-\(port)")
        #expect(try await second.exit() == 69)
        #expect(second.output.contains("\(port)"), "\(second.output)")
      }
      #expect(try cluster.client.call("GET", "/ready").status == 200)
    }
  }

  @Test func `a data directory that another coordinator uses ends it with 70`() async throws {
    try await Cluster.run { cluster in
      let second = try cluster.launchCoordinator(
        ["--listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0"], dataFolder: cluster.dataFolder + "/.")
      #expect(try await second.exit() == 70)
      #expect(second.output.contains("use") && second.output.contains(cluster.dataFolder), "\(second.output)")
      try await cluster.expectToWork()
    }
  }

  @Test func `a mapped file without room on its disk ends the coordinator with 70, and it says so`()
    async throws
  {
    try await Cluster.run { cluster in
      let process = try #require(cluster.coordinator)
      // What the kernel sends then.
      process.send(SIGBUS)
      #expect(try await process.exit() == 70)
      #expect(process.output.contains("free some space"), "\(process.output)")
      try await cluster.startCoordinator()
      try await cluster.expectToWork()
    }
  }

  @Test func `a data directory that cannot be written ends it with 70`() async throws {
    try await Cluster.run(startsCoordinator: false) { cluster in
      // A file in its way, and /proc: neither can be made a folder, not even by root.
      for folder in [cluster.folder + "/file", "/proc/caravan"] {
        close(creat(cluster.folder + "/file", 0o600))
        let process = try cluster.launchCoordinator(
          ["--listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0"], dataFolder: folder)
        #expect(try await process.exit() == 70)
        #expect(process.output.contains(folder), "\(process.output)")
      }
    }
  }

  @Test func `a coordinator that may open too few files does not start, and says what to raise`() async throws
  {
    try await Cluster.run(startsCoordinator: false) { cluster in
      let ended = try await cluster.execute(
        "/bin/sh",
        ["-c", "ulimit -n 100; exec \"$0\" --data-dir \"$1\"", Programs.coordinator, cluster.dataFolder])
      #expect(ended.code == 1)
      #expect(ended.output.contains("100 files") && ended.output.contains("ulimit -n"), "\(ended.output)")
    }
  }

  @Test(arguments: ["admin.token", "agent.token", "endpoints.json"])
  func `a file that the coordinator cannot write at its start ends it with 70`(name: String) async throws {
    try await Cluster.run(startsCoordinator: false) { cluster in
      // In the way of what is written before it takes the name; this stops root, too.
      let inTheWay = cluster.dataFolder + "/" + name + ".new"
      try FileManager.default.createDirectory(atPath: inTheWay, withIntermediateDirectories: true)
      let process = try cluster.launchCoordinator([
        "--listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0",
      ])
      #expect(try await process.exit() == 70)
      #expect(process.output.contains(inTheWay), "\(process.output)")
    }
  }

  @Test(arguments: [
    ("caravan-coordinator", "--data-dri", "--data-dir"), ("caravan-coordinator", "--lisen", "--listen"),
    ("caravan-agent", "--coordinater", "--coordinator"), ("caravan-agent", "--core", "--cores"),
  ])
  func `a wrong flag ends a daemon with 2 and one line that names the nearest`(
    program: String, flag: String, nearest: String
  ) async throws {
    try await Cluster.run(startsCoordinator: false) { cluster in
      let path = program == "caravan-agent" ? Programs.agent : Programs.coordinator
      let ended = try await cluster.execute(path, [flag, "x"])
      #expect(ended.code == 2)
      #expect(ended.output.contains(flag) && ended.output.contains(nearest), "\(ended.output)")
      #expect(ended.output.split(separator: "\n").count == 1, "\(ended.output)")
    }
  }

  @Test func `wrong values of flags end a daemon with 2`() async throws {
    try await Cluster.run(startsCoordinator: false) { cluster in
      let data = ["--data-dir", cluster.folder + "/data"]
      for flags in [
        data + ["--listen", "nowhere"], data + ["--listen", "127.0.0.1:99999"], data + ["--listen"],
        data + ["--listen", "0.0.0.0:0", "--no-auth"], ["stray"],
      ] {
        let ended = try await cluster.execute(Programs.coordinator, flags)
        #expect(ended.code == 2, "\(flags): \(ended)")
      }
      for flags in [
        ["--cores", "0"], ["--cores", "many"], ["--memory-mb", "-1"], ["--coordinator", "here"],
        ["--label", "novalue"],
      ] {
        let ended = try await cluster.execute(
          Programs.agent, data + ["--coordinator", "127.0.0.1:1", "--allow-root"] + flags)
        #expect(ended.code == 2, "\(flags): \(ended)")
      }
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func `an agent of root refuses to start unless told`() async throws {
    try await Cluster.run(startsCoordinator: false) { cluster in
      let ended = try await cluster.execute(
        Programs.agent, ["--coordinator", "127.0.0.1:1", "--data-dir", cluster.folder + "/agent"])
      #expect(ended.code != 0 && ended.output.contains("--allow-root"), "\(ended)")
    }
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a coordinator that is asked to stop ends with 0, and its agents' tasks go on`(signal: Int32)
    async throws
  {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("until test -e go; do sleep 0.02; done; echo done")])
      try await cluster.wait(run, task: "a", is: "RUNNING")
      let coordinator = try #require(cluster.coordinator)
      coordinator.send(signal)
      #expect(try await coordinator.exit() == 0)
      #expect(!cluster.taskProcesses().isEmpty)
      cluster.touch("go")
      try await eventually("the task ends by itself") { cluster.taskProcesses().isEmpty }
      try await cluster.startCoordinator()
      try await cluster.wait(run, for: ["COMPLETED"])
      let attempts = try cluster.whole(run)["taskAttempts"]["a"].list
      #expect(attempts.count == 1 && attempts[0]["outputLog"].string == "done\n")
    }
  }

  @Test func `an agent that is asked to stop ends its tasks, hands them back and ends with 0`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("test -e go && exit 0; sleep 300")])
      try await cluster.wait(run, task: "a", is: "RUNNING")
      let agent = try #require(cluster.agents["anna"])
      agent.send(SIGTERM)
      #expect(try await agent.exit() == 0)
      #expect(cluster.taskProcesses().isEmpty)
      cluster.touch("go")
      try cluster.startAgent(.init(name: "bert"))
      try await cluster.wait(run, for: ["COMPLETED"])
      #expect(
        try cluster.whole(run)["taskAttempts"]["a"].list.last?["rc"].int == 0, "no retry was needed for it")
    }
  }

  @Test func `the daemons say how they are used`() async throws {
    try await Cluster.run(startsCoordinator: false) { cluster in
      for (program, flag) in [
        (Programs.coordinator, "--agent-listen"), (Programs.agent, "--coordinator"),
        (Programs.client, "submit"),
      ] {
        let ended = try await cluster.execute(program, ["--help"])
        #expect(ended.code == 0 && ended.output.contains(flag), "\(ended)")
      }
    }
  }
}
