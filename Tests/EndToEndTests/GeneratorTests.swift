import Foundation
import Testing

@Suite struct `Generators` {
  /// A generator that prints a file of the working directory: so the shell never sees what it prints.
  private func generator(_ cluster: Cluster, printing output: String, _ more: [String: Any] = [:]) throws
    -> [String: Any]
  {
    try output.write(toFile: cluster.workFolder + "/output.json", atomically: true, encoding: .utf8)
    return command(["/bin/cat", "output.json"], ["isGenerator": true].merging(more) { _, new in new })
  }

  @Test func `what a generator prints runs after it and before its children`() async throws {
    try await Cluster.run { cluster in
      let whole = try await cluster.ran(
        [
          "gen": generator(
            cluster,
            printing: """
              {"g1": {"job": {"command": ["/bin/echo", "{{N}}"]}, "children": ["g2"]}, "g2": {"job": {"command": ["/bin/echo", "two"]}}}
              """, ["children": ["end"]]), "end": shell("true"),
        ], parameters: ["N": ["7", "8"]])
      #expect(whole["taskStates"].names == ["end", "g1_0", "g1_1", "g2", "gen"])
      let attempts = whole["taskAttempts"]
      #expect(["g1_0", "g1_1"].map { attempts[$0][0]["outputLog"].string } == ["7\n", "8\n"])
      func time(_ task: String, _ member: String) throws -> Int64 {
        try #require(attempts[task][0][member].time)
      }
      #expect(try time("gen", "stopTime") <= time("g1_0", "startTime"))
      #expect(try max(time("g1_0", "stopTime"), time("g1_1", "stopTime")) <= time("g2", "startTime"))
      #expect(try time("g2", "stopTime") <= time("end", "startTime"))
    }
  }

  @Test(arguments: [
    "not json", "[]", #"{"x": {"job": {"command": []}}}"#,
    #"{"x": {"job": {"command": ["/bin/true"]}, "children": ["nobody"]}}"#,
    #"{"end": {"job": {"command": ["/bin/true"]}}}"#,
    #"{"good": {"job": {"command": ["/bin/true"]}}, "bad": {"job": {"command": []}}}"#,
  ])
  func `a generator whose output does not hold adds nothing and is ERRORED with the faults`(output: String)
    async throws
  {
    try await Cluster.run { cluster in
      let whole = try await cluster.ran(
        ["gen": generator(cluster, printing: output, ["children": ["end"]]), "end": shell("true")],
        ends: "ERRORED")
      #expect(whole["taskStates"].stringMembers == ["gen": "ERRORED", "end": "QUEUED"])
      #expect(whole["taskAttempts"]["gen"][0]["executorLog"].string?.isEmpty == false, "the faults are said")
    }
  }

  @Test func `a generator can print a generator, and an empty object`() async throws {
    try await Cluster.run { cluster in
      try #"{"leaf": {"job": {"command": ["/bin/true"]}}}"#.write(
        toFile: cluster.workFolder + "/inner.json", atomically: true, encoding: .utf8)
      let whole = try await cluster.ran([
        "outer": generator(
          cluster,
          printing: #"{"inner": {"isGenerator": true, "job": {"command": ["/bin/cat", "inner.json"]}}}"#,
          ["children": ["end"]]), "end": shell("true"),
        "empty": command(["/bin/echo", "{}"], ["isGenerator": true]),
      ])
      #expect(whole["taskStates"].names == ["empty", "end", "inner", "leaf", "outer"])
      let attempts = whole["taskAttempts"]
      #expect(
        try #require(attempts["leaf"][0]["stopTime"].time) <= #require(attempts["end"][0]["startTime"].time))
    }
  }

  @Test func `a restarted run goes on with its generated tasks`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit([
        "gen": generator(
          cluster, printing: #"{"made": {"job": {"command": ["/usr/bin/test", "-e", "go"]}}}"#,
          ["children": ["end"]]),
        "end": shell("true"),
      ])
      #expect(try await cluster.wait(run) == "ERRORED")
      cluster.touch("go")
      #expect(try cluster.client.call("PATCH", "/v1/dagrun/\(run)/state/QUEUED").status == 200)
      try await cluster.wait(run, for: ["COMPLETED"])
      let attempts = try cluster.whole(run)["taskAttempts"]
      #expect(
        attempts["gen"].list.count == 1 && attempts["made"].list.count == 2 && attempts["end"].list.count == 1
      )
    }
  }
}
