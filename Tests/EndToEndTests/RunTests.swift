import Foundation
import Testing

@Suite struct `Runs over REST` {
  @Test func `the example document gives the example's answer`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(
        Array(
          """
          {"tag": "mediumtest", "parameters": {"JOBNO": ["1", "2"]},
           "tasks": {"simple": {"job": {"command": ["/bin/echo", "script.py", "{{JOBNO}}"], "cores": "1", "memoryMB": "100"}}}}
          """.utf8))
      #expect(run == 0, "runs count from 0 in a fresh data directory")
      #expect(try await cluster.wait(run) == "COMPLETED")
      let whole = try cluster.whole(run)
      for member in ["runID", "tag", "tasks", "taskStates", "taskAttempts", "dagStateChanges"] {
        #expect(!whole[member].isNull, "\(member)")
      }
      let task = whole["tasks"]["simple_1"]
      #expect(task["job"]["command"].strings == ["/bin/echo", "script.py", "2"])
      #expect(task["job"]["cores"].string == "1" && task["job"]["memoryMB"].string == "100")
      #expect(
        task["maxRetries"].int == 0 && task["retryIntervalSeconds"].int == 0
          && task["isGenerator"].bool == false)
      let attempt = whole["taskAttempts"]["simple_1"][0]
      #expect(
        attempt["rc"].int == 0 && attempt["outputLog"].string == "script.py 2\n"
          && attempt["errorLog"].string == "")
      #expect(try #require(attempt["startTime"].time) <= #require(attempt["stopTime"].time))
      #expect(whole["dagStateChanges"].list.map { $0["state"].string } == ["QUEUED", "RUNNING", "COMPLETED"])
      #expect(try cluster.get("/v1/dagrun/\(run)/task/simple_0")["job"]["command"][2].string == "1")
      #expect(
        try cluster.client.call("GET", "/v1/dagrun/\(run)/task/simple").status == 404, "a family is no task")
    }
  }

  @Test func `stdin, umask, open files and pinned CPUs are as the document says`() async throws {
    try await Cluster.run { cluster in
      let input = String(repeating: "a line of é and \"quotes\"\n", count: 40_000)
      let script = "cat | sha256sum; umask; ulimit -n; grep Cpus_allowed_list /proc/self/status | cut -f 2"
      let job: [String: Any] = [
        "commandString": script, "stdin": "{{WHO}}\n" + input, "umask": "077", "openFiles": 99, "pin": true,
      ]
      let run = try cluster.submit(
        ["a": ["job": job], "b": ["job": ["command": ["/bin/cat"], "stdin": ["file": "no-such-file"]]]],
        parameters: ["WHO": "anna"])
      #expect(try await cluster.wait(run) == "ERRORED")
      let whole = try cluster.whole(run)
      let lines = whole["taskAttempts"]["a"][0]["outputLog"].string?.split(separator: "\n") ?? []
      #expect(lines.count == 4 && lines[1...2] == ["0077", "99"] && Int(lines[3]) != nil, "\(lines)")
      let shown = try cluster.get("/v1/dagrun/\(run)/task/a")["job"]
      #expect(shown["stdin"].string == "anna\n" + input && shown["umask"].string == "077")
      #expect(shown["openFiles"].int == 99 && shown["pin"].bool == true)
      let missing = whole["taskAttempts"]["b"][0]
      #expect(missing["rc"].int == 126)
      #expect(missing["executorLog"].string?.contains("no such file for the job's stdin: ") == true)
    }
  }

  @Test func `a job that no frame holds fails in words, and holds nothing up`() async throws {
    try await Cluster.run { cluster in
      // Within the bounds as text; as JSON each of these words takes nine bytes.
      let words = Array(repeating: "\u{1}", count: 260_000)
      let input = String(repeating: "\u{1}", count: 1 << 20)
      let run = try cluster.submit([
        "huge": ["job": ["command": ["/bin/true"] + words, "stdin": input]], "small": command(["/bin/true"]),
      ])
      #expect(try await cluster.wait(run) == "ERRORED")
      let whole = try cluster.whole(run)
      #expect(whole["taskStates"]["small"].string == "COMPLETED")
      let attempt = whole["taskAttempts"]["huge"][0]
      #expect(attempt["rc"].int == 126 && attempt["executorLog"].string?.contains("cannot be sent") == true)
    }
  }

  @Test func `the list of runs leaves out final ones unless asked for all`() async throws {
    try await Cluster.run { cluster in
      let done = try cluster.submit(["a": command(["/bin/true"])])
      try await cluster.wait(done)
      let open = try cluster.submit(["a": shell("sleep 300")], ["tag": "open"])
      try await cluster.wait(open, task: "a", is: "RUNNING")
      #expect(try cluster.get("/v1/dagruns").list.map { $0["runID"].int } == [open])
      let all = try cluster.get("/v1/dagruns?all=1").list
      #expect(all.map { $0["runID"].int } == [done, open])
      #expect(all[0]["taskCounts"].names == ["COMPLETED"] && all[0]["taskCounts"]["COMPLETED"].int == 1)
      #expect(all[1]["tag"].string == "open" && all[1]["state"].string == "RUNNING")
      #expect(all[0]["startTime"].time != nil && all[0]["lastUpdate"].time != nil)
    }
  }

  @Test func `parents end before their children start`() async throws {
    try await Cluster.run { cluster in
      let whole = try await cluster.ran([
        "a": shell("sleep 0.05", ["children": ["b", "c"]]), "b": shell("sleep 0.05"),
        "c": shell("sleep 0.05"),
        "d": shell("true", ["parents": ["b", "c"]]),
      ])
      func time(_ task: String, _ member: String) throws -> Int64 {
        try #require(whole["taskAttempts"][task][0][member].time)
      }
      for (early, late) in [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")] {
        #expect(try time(early, "stopTime") <= time(late, "startTime"), "\(early) before \(late)")
      }
      #expect(whole["tasks"]["a"]["children"].strings.sorted() == ["b", "c"], "edges show on both sides")
    }
  }

  @Test func `a task expands over the list parameters that it names and no others`() async throws {
    try await Cluster.run { cluster in
      let whole = try await cluster.ran(
        [
          "p": command(["/bin/echo", "{{D}}/{{A}}-{{B}}"], ["children": ["q"]]),
          "q": command(["/bin/echo", "{{A}}"]),
          "plain": command(["/bin/echo", "{{D}}"]),
        ],
        parameters: ["B": ["1", "2"], "A": ["x", "y"], "D": "dir", "UNUSED": ["u", "v"]])
      #expect(whole["tasks"].names == ["p_0", "p_1", "p_2", "p_3", "plain", "q_0", "q_1"])
      #expect(
        (0..<4).map { whole["tasks"]["p_\($0)"]["job"]["command"][1].string } == [
          "dir/x-1", "dir/x-2", "dir/y-1", "dir/y-2",
        ])
      #expect(whole["tasks"]["q_0"]["parents"].strings.sorted() == ["p_0", "p_1", "p_2", "p_3"])
    }
  }

  @Test func `values are quoted in a command string, and environments reach the task`() async throws {
    try await Cluster.run { cluster in
      let whole = try await cluster.ran(
        [
          "t": [
            "job": [
              "commandString": "echo {{V}} \"$X\"; pwd", "environment": ["X": "{{V}}"],
              "workingDirectory": "/usr",
            ]
          ]
        ],
        parameters: ["V": "a b; $(id) 'q'"])
      #expect(whole["taskAttempts"]["t"][0]["outputLog"].string == "a b; $(id) 'q' a b; $(id) 'q'\n/usr\n")
      #expect(whole["tasks"]["t"]["job"]["command"].strings.prefix(2) == ["/bin/sh", "-c"])
    }
  }

  @Test func `a task learns which attempt it is, and inherits nothing else of the agent's environment`()
    async throws
  {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": command(["/usr/bin/env"])])
      try await cluster.wait(run)
      let lines = try #require(cluster.whole(run)["taskAttempts"]["a"][0]["outputLog"].string).split(
        separator: "\n")
      #expect(lines.contains("CARAVAN_RUN_ID=\(run)") && lines.contains("CARAVAN_TASK=a"))
      #expect(
        lines.contains { $0.hasPrefix("CARAVAN_ATTEMPT=") }
          && lines.contains { $0.hasPrefix("CARAVAN_FENCE=") })
      let allowed: Set<Substring> = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"]
      let names = lines.map { $0.prefix { $0 != "=" } }
      #expect(names.allSatisfy { allowed.contains($0) || $0.hasPrefix("CARAVAN_") }, "\(names)")
    }
  }

  @Test func `a task's end is told by its exit code, also where a signal or a missing program made it`()
    async throws
  {
    try await Cluster.run { cluster in
      let whole = try await cluster.ran(
        [
          "seven": shell("echo out; echo err >&2; exit 7"), "signal": shell("kill -9 $$"),
          "folder": command(["/usr"]),
          "missing": command(["no-such-program"]), "bytes": shell("printf 'a\\377b'"),
        ], ends: "ERRORED")
      let attempts = whole["taskAttempts"]
      #expect(attempts["seven"][0]["rc"].int == 7 && attempts["seven"][0]["errorLog"].string == "err\n")
      #expect(attempts["signal"][0]["rc"].int == 137)
      #expect(attempts["folder"][0]["rc"].int == 126)
      #expect(attempts["missing"][0]["rc"].int == 127)
      #expect(try #require(attempts["missing"][0]["executorLog"].string).contains("no-such-program"))
      #expect(attempts["bytes"][0]["outputLog"].string == "a\u{fffd}b", "what is no UTF-8 shows as U+FFFD")
    }
  }

  @Test func `a failure holds back what follows it and nothing else`() async throws {
    try await Cluster.run { cluster in
      let whole = try await cluster.ran(
        [
          "bad": shell("exit 1", ["children": ["after"]]), "after": shell("true"),
          "other": shell("true", ["children": ["more"]]), "more": shell("true"),
        ], ends: "ERRORED")
      #expect(
        whole["taskStates"].stringMembers == [
          "bad": "ERRORED", "after": "QUEUED", "other": "COMPLETED", "more": "COMPLETED",
        ])
      #expect(whole["taskAttempts"]["after"].list.isEmpty)
    }
  }

  @Test func `a failed task is tried again after its interval, as often as it may`() async throws {
    try await Cluster.run { cluster in
      let whole = try await cluster.ran([
        "a": shell(
          "test -e two && exit 0; test -e one && touch two; touch one; exit 3",
          ["maxRetries": 3, "retryIntervalSeconds": 1])
      ])
      let attempts = whole["taskAttempts"]["a"].list
      #expect(attempts.map { $0["rc"].int } == [3, 3, 0])
      for (early, late) in zip(attempts, attempts.dropFirst()) {
        #expect(try #require(late["startTime"].time) - #require(early["stopTime"].time) >= 990_000_000)
      }
    }
  }

  @Test func `a restart keeps what is completed and begins the retries anew`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit([
        "a": shell("true", ["children": ["b"]]),
        "b": shell("test -e go", ["children": ["z"], "maxRetries": 1]),
        "z": shell("true"),
      ])
      #expect(try await cluster.wait(run) == "ERRORED")
      #expect(try cluster.client.call("PATCH", "/v1/dagrun/\(run)/state/QUEUED").json["runID"].int == run)
      try await eventually("the restarted run fails again") {
        try cluster.whole(run)["taskAttempts"]["b"].list.count == 4 && cluster.state(run) == "ERRORED"
      }
      cluster.touch("go")
      #expect(try cluster.client.call("PATCH", "/v1/dagrun/\(run)/state/QUEUED").status == 200)
      try await cluster.wait(run, for: ["COMPLETED"])
      let whole = try cluster.whole(run)
      #expect(whole["taskAttempts"]["a"].list.count == 1)
      #expect(whole["taskAttempts"]["b"].list.map { $0["rc"].int } == [1, 1, 1, 1, 0])
    }
  }

  @Test func `one finished task can be run again by itself`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("true", ["children": ["b"]]), "b": shell("true")])
      try await cluster.wait(run)
      #expect(
        try cluster.client.call("PATCH", "/v1/dagrun/\(run)/task/a/state/QUEUED").json["runID"].int == run)
      try await eventually("it has run again") {
        try cluster.whole(run)["taskAttempts"]["a"].list.count == 2 && cluster.state(run) == "COMPLETED"
      }
      #expect(try cluster.whole(run)["taskAttempts"]["b"].list.count == 1, "what follows does not run again")
      let long = try cluster.submit(["a": shell("sleep 300")])
      try await cluster.wait(long, task: "a", is: "RUNNING")
      #expect(try cluster.client.call("PATCH", "/v1/dagrun/\(long)/task/a/state/QUEUED").status == 409)
    }
  }

  @Test func `a paused run starts nothing, and goes on where it was`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit([
        "a": shell("until test -e go; do sleep 0.02; done", ["children": ["b"]]), "b": shell("true"),
      ])
      try await cluster.wait(run, task: "a", is: "RUNNING")
      #expect(try cluster.client.call("PATCH", "/v1/dagrun/\(run)/state/PAUSED").status == 200)
      cluster.touch("go")
      try await cluster.wait(run, task: "a", is: "COMPLETED")
      // A later run's task gets through: so b had its chance, and was not started.
      try await cluster.expectToWork()
      #expect(try cluster.state(run) == "PAUSED" && cluster.taskState(run, "b") == "QUEUED")
      #expect(try cluster.client.call("PATCH", "/v1/dagrun/\(run)/state/QUEUED").status == 200)
      try await cluster.wait(run, for: ["COMPLETED"])
    }
  }

  @Test func `agents are never given more cores or memory than they have`() async throws {
    try await Cluster.run { cluster in
      for job in [["cores": 1, "memoryMB": 1], ["cores": 0.1, "memoryMB": 400]] as [[String: Any]] {
        let whole = try await cluster.ran(
          ["a": shell("sleep 0.1; : {{I}}", job: job)], parameters: ["I": (0..<8).map(String.init)])
        var steps: [(time: Int64, change: Int)] = []
        for task in whole["taskAttempts"].names {
          let attempt = whole["taskAttempts"][task][0]
          steps += [
            (try #require(attempt["startTime"].time), 1), (try #require(attempt["stopTime"].time), -1),
          ]
        }
        var now = 0
        var most = 0
        for step in steps.sorted(by: { ($0.time, $0.change) < ($1.time, $1.change) }) {
          now += step.change
          most = max(most, now)
        }
        #expect(most == 2, "\(job): two at once, no more and no fewer")
      }
    }
  }

  @Test func `what fits nowhere waits, and can be killed`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["huge": shell("true", job: ["cores": 5000]), "small": shell("true")])
      try await cluster.wait(run, task: "small", is: "COMPLETED")
      #expect(try cluster.taskState(run, "huge") == "QUEUED")
      #expect(try cluster.client.call("DELETE", "/v1/dagrun/\(run)").status == 200)
      #expect(try await cluster.wait(run) == "KILLED")
    }
  }

  @Test func `tasks and attempts can be listed`() async throws {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": shell("exit 1", ["maxRetries": 1]), "b": shell("true")])
      try await cluster.wait(run)
      let answer = try cluster.client.call("GET", "/v1/dagrun/\(run)/tasks")
      #expect(
        answer.status == 200 && answer.text.contains("\"a\"") && answer.text.contains("\"b\""), "\(answer)")
      let attempts = try cluster.get("/v1/dagrun/\(run)/task/a/attempts")
      #expect(attempts.list.count == 2 && attempts.list.allSatisfy { $0["rc"].int == 1 }, "\(attempts)")
    }
  }
}
