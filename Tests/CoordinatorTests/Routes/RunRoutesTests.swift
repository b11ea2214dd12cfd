import Foundation
import Protocol
import Scheduling
import System
import Testing

@testable import Coordinator

@Suite struct RunRoutesTests {
  let served: ServedStore
  init() throws { served = try ServedStore() }

  static let pair = #"""
    {"tag": "pair", "parameters": {"N": ["1", "2"]}, "tasks": {
      "a": {"job": {"command": ["/bin/echo", "{{N}}"]}, "children": ["end"]}, "end": {"job": {"command": ["/bin/true"]}}}}
    """#

  @Test func `the whole run has the contract's members in the contract's order`() throws {
    try served.add(Self.pair, bytes: [TaskByte(.completed), TaskByte(.running), TaskByte(.queued)])
    var first = Sample.ended(0, 0)
    first.words = "ran on north-1"
    var second = Sample.attempt(0, 1, 1, .running)
    second.start = WallTime(nanoseconds: 1_790_000_000_000_000_009)
    try served.add([first, second, Sample.attempt(0, 2, 1, .dispatched)])
    served.print(Array("1\n\"quoted\"\u{1}".utf8) + [0xFF, 0xE2, 0x82], first)
    served.print(Array("oops".utf8), first, .stderr)
    let answer = served.ask("GET", "/v1/dagrun/0")
    #expect(answer.status == 200)
    let want =
      #"{"runID":0,"tag":"pair","tasks":{"a_0":{"maxRetries":0,"retryIntervalSeconds":0,"job":{"environment":[],"memoryMB":"100","cores":"1","command":["/bin/echo","1"]},"children":["end"],"parents":[],"isGenerator":false},"a_1":{"maxRetries":0,"retryIntervalSeconds":0,"job":{"environment":[],"memoryMB":"100","cores":"1","command":["/bin/echo","2"]},"children":["end"],"parents":[],"isGenerator":false},"end":{"maxRetries":0,"retryIntervalSeconds":0,"job":{"environment":[],"memoryMB":"100","cores":"1","command":["/bin/true"]},"children":[],"parents":["a_0","a_1"],"isGenerator":false}},"taskStates":{"a_0":"COMPLETED","a_1":"RUNNING","end":"QUEUED"},"taskAttempts":{"a_0":[{"startTime":"1790000000000000000","stopTime":"1790000000004000000","rc":0,"outputLog":"1\n\"quoted\"\u0001\#u{FFFD}\#u{FFFD}","errorLog":"oops","executorLog":"ran on north-1","attempt":1,"state":"COMPLETED","agent":"north-1","fence":"1099511627777","cpuSeconds":0.0009,"peakMemoryKB":2000,"outputBytes":14,"errorBytes":4}],"a_1":[{"startTime":"1790000000000000009","stopTime":"0","rc":-1,"outputLog":"","errorLog":"","executorLog":"","attempt":1,"state":"RUNNING","agent":"north-1","fence":"1099511628033","cpuSeconds":0,"peakMemoryKB":0,"outputBytes":0,"errorBytes":0}],"end":[]},"dagStateChanges":[{"time":"5","state":"QUEUED"}],"state":"QUEUED","labels":{"a":"b"}}"#
    #expect(answer.text == want)
  }

  @Test func `logs in the whole run are their last 64 KiB, all of them or none`() throws {
    try served.add(#"{"tasks": {"a": {"job": {"command": ["x"]}}}}"#)
    let row = Sample.ended(0, 0)
    try served.add([row])
    // A character of three bytes is cut apart by the tail's beginning, and by portions of the full log.
    let log = String(repeating: "€", count: 100_000)
    served.print(Array(log.utf8), row)
    func attempt(_ query: String) throws -> NSDictionary {
      let answer = served.ask("GET", "/v1/dagrun/0\(query)")
      let attempts = try #require(answer.json()["taskAttempts"] as? [String: [NSDictionary]])
      return try #require(attempts["a"]?.first)
    }
    let tail = try attempt("")
    #expect(tail["outputLog"] as? String == String(repeating: "€", count: 65536 / 3))
    #expect(tail["outputLogCut"] as? Bool == true && tail["errorLogCut"] == nil)
    #expect(try attempt("?logs=tail") == tail)
    let full = try attempt("?logs=full")
    #expect(full["outputLog"] as? String == log && full["outputLogCut"] == nil)
    let none = try attempt("?logs=none")
    #expect(none["outputLog"] as? String == "" && none["outputLogCut"] as? Bool == true)
    #expect(served.ask("GET", "/v1/dagrun/0?logs=some").status == 400)
    let list = try served.ask("GET", "/v1/dagrun/0/task/a/attempts").list()
    #expect(list == [tail])
  }

  @Test func `a large run comes in pieces, each attempt with its task`() throws {
    let count = 9000
    let values = (0..<count).map { "\"\($0)\"" }.joined(separator: ",")
    try served.add(
      #"{"parameters": {"N": [\#(values)]}, "tasks": {"t": {"job": {"command": ["x", "{{N}}"]}}}}"#,
      bytes: (0..<count).map { TaskByte($0 == 8500 ? .errored : .completed) })
    // Several pages, a task over a page's end, and gaps.
    var rows: [AttemptRow] = []
    for task in stride(from: 0, to: count, by: 7) { rows.append(Sample.ended(0, task)) }
    for number in 2...450 { rows.append(Sample.ended(0, 7000, Int32(number), rc: 1)) }
    try served.add(rows)
    let answer = served.ask("GET", "/v1/dagrun/0?logs=none")
    #expect(answer.largestPiece < 200_000)
    let whole = try answer.json()
    let states = try #require(whole["taskStates"] as? [String: String])
    #expect(states.count == count && states["t_8500"] == "ERRORED" && states["t_8999"] == "COMPLETED")
    let attempts = try #require(whole["taskAttempts"] as? [String: [NSDictionary]])
    #expect(attempts.count == count)
    for task in 0..<count {
      #expect(attempts["t_\(task)"]?.count == (task == 7000 ? 450 : task % 7 == 0 ? 1 : 0), "t_\(task)")
    }
    #expect(attempts["t_7000"]?.map { $0["attempt"] as? Int } == Array(1...450))
  }

  @Test func `the list of runs is whole however many there are`() throws {
    var commit = Commit()
    for run in 0..<1200 {
      let more = Sample.submission(Int64(run))
      commit.runsAdded += more.runsAdded
      commit.runs.append(
        Sample.row(
          Int64(run), run % 3 == 0 ? .completed : .queued, counts: run % 3 == 0 ? [0, 0, 0, 1, 0, 0, 0] : nil)
      )
      commit.runStateChanges += more.runStateChanges
      commit.chunks += more.chunks
    }
    try served.store.commit(commit)
    let all = try served.ask("GET", "/v1/dagruns?all=1").list()
    #expect(all.map { $0["runID"] as? Int } == Array(0..<1200))
    #expect(try served.ask("GET", "/v1/dagruns").list().count == 800)
    #expect(
      served.ask("GET", "/v1/dagruns?all=1").text.hasPrefix(
        #"[{"runID":0,"tag":"tag 0","state":"COMPLETED","startTime":"1000","lastUpdate":"2000","taskCounts":{"COMPLETED":1},"labels":{"a":"b"}},"#
      ))
    #expect(served.ask("GET", "/v1/dagruns?all=maybe").status == 400)
  }

  @Test func `an empty list is a list`() { #expect(served.ask("GET", "/v1/dagruns?all=1").text == "[]") }

  @Test(arguments: [
    "/v1/dagrun/1", "/v1/dagrun/-1", "/v1/dagrun/007", "/v1/dagrun/+0", "/v1/dagrun/00", "/v1/dagrun/zero",
    "/v1/dagrun/0x0",
    "/v1/dagrun/99999999999999999999999", "/v1/dagrun/", "/v1/dagrun/%30%00", "/v1/dagrun/1/state",
    "/v1/dagrun/1/tasks", "/v1/dagrun/0/task/nobody",
    "/v1/dagrun/0/task/a", "/v1/dagrun/0/task/a/state", "/v1/dagrun/0/task/a_2", "/v1/dagrun/0/task/a_00",
    "/v1/dagrun/0/task/..%2f..%2fetc", "/v1/dagrun/0/task/%ff/attempts",
    "/v1/dagrun/0/task/end/log", "/v1/dagrun/0/tasks?family=b", "/v1/dagrun/0/tasks?family=a_0",
  ])
  func `what is not there is 404`(path: String) throws {
    try served.add(Self.pair)
    let answer = served.ask("GET", path)
    #expect(answer.status == 404, "\(answer.text)")
    #expect(try answer.json()["error"] as? String == answer.json()["detail"] as? String)
  }

  @Test func `a family in a task's place is answered with the names of its tasks`() throws {
    try served.add(Self.pair)
    #expect(served.ask("GET", "/v1/dagrun/0/task/a").text.contains("a_0 to a_1"))
  }

  @Test func `a task and its state are shown`() throws {
    try served.add(Self.pair, bytes: [TaskByte(.completed), TaskByte(.retry), TaskByte(.queued)])
    #expect(served.ask("GET", "/v1/dagrun/0/state").text == #"{"state":"QUEUED"}"#)
    #expect(served.ask("GET", "/v1/dagrun/0/task/a_1/state").text == #"{"state":"RETRY"}"#)
    #expect(served.ask("GET", "/v1/dagrun/0/task/end").text.hasPrefix(#"{"maxRetries":0,"#))
    #expect(served.ask("GET", "/v1/dagrun/0/task/end/attempts").text == "[]")
  }

  @Test func `commands reach the Engine and its refusals the client`() throws {
    try served.add(Self.pair)
    #expect(served.ask("PATCH", "/v1/dagrun/0/state/QUEUED").text == #"{"runID":0}"#)
    #expect(served.ask("PATCH", "/v1/dagrun/0/state/PAUSED").text == #"{"runID":0}"#)
    #expect(served.ask("PATCH", "/v1/dagrun/0/state/KILLED").text == #"{"runID":0}"#)
    #expect(served.ask("DELETE", "/v1/dagrun/0").body.isEmpty)
    #expect(served.ask("DELETE", "/v1/dagrun/0/task/a_1").status == 200)
    #expect(served.ask("PATCH", "/v1/dagrun/0/task/end/state/QUEUED").text == #"{"runID":0}"#)
    #expect(served.ask("PATCH", "/v1/dagrun/0/task/end/state/QUEUED?downstream=1").status == 200)
    let commands = served.heard.with { $0.commands.map { "\($0)" } }
    #expect(
      commands
        == [
          "queue(0)", "pause(0)", "kill(0)", "kill(0)", "killTask(0, #1)",
          "queueTask(0, #2, downstream: false)", "queueTask(0, #2, downstream: true)",
        ].map { $0 })
    for (kind, status) in [
      (Refusal.Kind.conflict, 409), (.notFound, 404), (.unavailable, 503), (.diskFull, 507),
    ] {
      served.heard.with { $0.refusal = Refusal(kind, "because of \(status)") }
      let answer = served.ask("DELETE", "/v1/dagrun/0")
      #expect(answer.status == status && answer.text.contains("\"error\":\"because of \(status)\""))
    }
  }

  @Test(arguments: [
    ("/v1/dagrun/0/state/DANCING", 400, "PAUSED"), ("/v1/dagrun/0/state/queued", 400, "QUEUED"),
    ("/v1/dagrun/0/state/COMPLETED", 409, "PAUSED"),
    ("/v1/dagrun/9/state/QUEUED", 404, "9"), ("/v1/dagrun/0/task/end/state/DANCING", 400, "SKIPPED"),
    ("/v1/dagrun/0/task/end/state/KILLED", 409, "DELETE"),
    ("/v1/dagrun/0/task/end/state/QUEUED?downstream=x", 400, "downstream"),
  ])
  func `a change of state that nobody knows or can ask for is refused`(
    path: String, status: Int, saying: String
  ) throws {
    try served.add(Self.pair)
    let answer = served.ask("PATCH", path)
    #expect(answer.status == status && answer.text.contains(saying), "\(answer.text)")
    #expect(served.heard.with { $0.commands.isEmpty })
  }

  @Test func `tasks are listed in pages, by state and by family`() throws {
    let values = (0..<25).map { "\"\($0)\"" }.joined(separator: ",")
    try served.add(
      #"{"parameters": {"N": [\#(values)]}, "tasks": {"t": {"job": {"command": ["x", "{{N}}"]}}, "one": {"job": {"command": ["x"]}}}}"#,
      bytes: (0..<26).map { TaskByte($0 % 2 == 0 ? .completed : .queued) })
    #expect(
      served.ask("GET", "/v1/dagrun/0/tasks?limit=1").text
        == #"[{"name":"t_0","family":"t","state":"COMPLETED"}]"#)
    var names: [String] = []
    var next: String? = "/v1/dagrun/0/tasks?limit=4&state=COMPLETED,RETRY&state=SKIPPED"
    while let path = next {
      let answer = served.ask("GET", path)
      let page = try answer.list()
      #expect(page.count <= 4)
      names += page.compactMap { $0["name"] as? String }
      next = answer.header("Link").map { link in
        #expect(link.hasSuffix(">; rel=\"next\""))
        return String(link.dropFirst().prefix { $0 != ">" })
      }
    }
    #expect(names == stride(from: 0, to: 25, by: 2).map { "t_\($0)" })
    #expect(
      served.ask("GET", "/v1/dagrun/0/tasks?family=one").text
        == #"[{"name":"one","family":"one","state":"QUEUED"}]"#)
    #expect(try served.ask("GET", "/v1/dagrun/0/tasks?family=t&limit=25").list().count == 25)
    #expect(served.ask("GET", "/v1/dagrun/0/tasks?family=t&limit=25").header("Link") == nil)
    for query in [
      "limit=0", "limit=10001", "limit=x", "cursor=-1", "cursor=99999999999", "state=DONE", "state=",
    ] {
      #expect(served.ask("GET", "/v1/dagrun/0/tasks?\(query)").status == 400, "\(query)")
    }
    #expect(served.ask("GET", "/v1/dagrun/0/tasks?cursor=1000").text == "[]")
  }

  @Test func `agents are shown with numbers`() throws {
    var status = AgentStatus(
      row: Sample.agent(0, "north-1"), isConnected: true, used: ResourceVector(milliCores: 500, memoryMB: 64),
      running: 1, waiting: 2, unfitness: "")
    served.heard.with { [status] in $0.agents = [status] }
    #expect(
      served.ask("GET", "/v1/agents").text
        == #"[{"agentID":0,"name":"north-1","state":"ACTIVE","connected":true,"cores":8.5,"memoryMB":16000,"coresUsed":0.5,"memoryMBUsed":64,"running":1,"waiting":2,"labels":{"arch":"x86","zone":"north \"1\""},"lastSeen":"77","version":"caravan-agent 1"}]"#
    )
    status.unfitness = "attempt 7 does not die (processes 4711)"
    served.heard.with { [status] in $0.agents = [status] }
    #expect(
      served.ask("GET", "/v1/agents").text.contains(
        #""state":"DRAINING","reason":"attempt 7 does not die (processes 4711)","#))
  }

  @Test func `readiness is said only while serving, life always`() throws {
    #expect(served.ask("GET", "/ready").text == #"{"msg":"Ya like DAGs?"}"#)
    served.heard.with { $0.isServing = false }
    #expect(served.ask("GET", "/ready").status == 503)
    #expect(served.ask("GET", "/healthz").status == 200)
  }
}
