import Foundation
import Glibc
import Testing

@Suite struct `The client` {
  private func client(_ cluster: Cluster, _ arguments: String...) async throws -> (
    code: Int32, output: String
  ) {
    try await cluster.execute(
      Programs.client, arguments,
      environment: [
        "CARAVAN_URL": "http://127.0.0.1:\(cluster.http)",
        "CARAVAN_TOKEN_FILE": cluster.dataFolder + "/admin.token",
      ])
  }

  private func document(_ cluster: Cluster, _ text: String) throws -> String {
    let path = cluster.folder + "/document.json"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func `submits, waits, and shows what came of it`() async throws {
    try await Cluster.run { cluster in
      let good = try document(
        cluster, #"{"tag": "good", "tasks": {"a": {"job": {"command": ["/bin/echo", "here"]}}}}"#)
      let submitted = try await client(cluster, "submit", "--wait", good)
      #expect(submitted.code == 0 && submitted.output.contains("COMPLETED"), "\(submitted)")
      #expect(try await client(cluster, "logs", "0", "a") == (0, "here\n"))
      let runs = try await client(cluster, "runs", "--all")
      #expect(runs.code == 0 && runs.output.contains("good") && runs.output.contains("COMPLETED"), "\(runs)")
      let agents = try await client(cluster, "agents")
      #expect(agents.code == 0 && agents.output.contains("anna"), "\(agents)")
      let show = try await client(cluster, "show", "0")
      #expect(show.code == 0 && show.output.contains("good"), "\(show)")
      let bad = try document(cluster, #"{"tasks": {"a": {"job": {"command": ["/bin/false"]}}}}"#)
      let failed = try await client(cluster, "submit", "--wait", bad)
      #expect(failed.code == 1 && failed.output.contains("ERRORED"), "\(failed)")
    }
  }

  @Test func `kills, pauses, resumes and restarts`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("sleep 300")])
      try await cluster.wait(run, task: "a", is: "RUNNING")
      #expect(try await client(cluster, "pause", "\(run)").code == 0)
      #expect(try cluster.state(run) == "PAUSED")
      #expect(try await client(cluster, "resume", "\(run)").code == 0)
      #expect(try await client(cluster, "kill", "\(run)").code == 0)
      try await cluster.wait(run, for: ["KILLED"])
      #expect(try await client(cluster, "restart", "\(run)").code == 0)
      try await cluster.wait(run, for: ["RUNNING"])
    }
  }

  @Test func `says where a document is wrong, and what was probably meant`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let path = try document(
        cluster,
        "{\"tasks\": {\n  \"fetch\": {\"job\": {\"command\": []}},\n  \"b\": {\"job\": {\"command\": [\"x\"]}, \"parents\": [\"fecth\"]}}}"
      )
      for command in ["validate", "submit"] {
        let ended = try await client(cluster, command, path)
        #expect(ended.code == 1)
        #expect(
          ended.output.contains("document.json:2:") && ended.output.contains("document.json:3:"), "\(ended)")
        #expect(ended.output.contains("fecth") && ended.output.contains("\"fetch\""), "\(ended)")
      }
      #expect(try cluster.get("/v1/dagruns?all=1").list.isEmpty)
    }
  }

  @Test func `tells by its exit code what went wrong`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let wrong = try await client(cluster, "sumbit", "x")
      #expect(wrong.code == 2 && wrong.output.contains("submit"), "\(wrong)")
      #expect(try await client(cluster, "runs", "--frobnicate").code == 2)
      #expect(try await client(cluster, "submit", cluster.folder + "/not-there.json").code == 2)
      #expect(try await client(cluster, "show", "99").code == 4)
      #expect(try await client(cluster, "runs", "--token-file", cluster.agentTokenPath).code == 4)
      try await cluster.killCoordinator()
      let unreachable = try await client(cluster, "runs")
      #expect(unreachable.code == 3 && unreachable.output.contains("\(cluster.http)"), "\(unreachable)")
    }
  }

  @Test func `brings up a coordinator and agents, and takes them down again`() async throws {
    try await Cluster.run(startsCoordinator: false) { cluster in
      let data = cluster.folder + "/up"
      let up = try ChildProcess(
        Programs.client,
        [
          "up", "--agents", "2", "--data-dir", data, "--work-dir", cluster.workFolder, "--listen",
          "127.0.0.1:0",
          "--agent-listen", "127.0.0.1:0", "--cores", "1", "--memory-mb", "200",
        ], environment: cluster.environment, outputPath: cluster.folder + "/up.log")
      let endpoints = try await eventually("it serves") { () -> JSON? in
        guard up.isRunning else { throw NeverHappened(description: "it ended: \(up.output)") }
        return Cluster.contents(data + "/coordinator/endpoints.json").flatMap { try? JSON(Array($0.utf8)) }
      }
      let port = try #require(endpoints["http"].string?.split(separator: ":").last.flatMap { UInt16($0) })
      let client = HTTPClient(port: port, token: Cluster.firstLine(data + "/coordinator/admin.token"))
      try await eventually("two agents are there") {
        try client.call("GET", "/v1/agents").json.list.filter { $0["state"].string == "ACTIVE" }.count == 2
      }
      let submitted = try client.call("POST", "/v1/dagrun", body: text(["tasks": ["a": shell("touch done")]]))
      #expect(submitted.json["runID"].int == 0, "\(submitted)")
      try await eventually("a task runs in the folder that was named") {
        cluster.exists("done")
      }
      up.send(SIGINT)
      #expect(try await up.exit() == 0)
      #expect(cluster.processes().isEmpty, "nothing is left of it")
    }
  }
}
