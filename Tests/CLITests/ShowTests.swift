import Foundation
import Testing

@testable import CLI

@Suite struct ShowTests {
  @Test func `runs stand in columns`() {
    let runs = [
      RunSummary(
        runID: 9, tag: "medium", state: "RUNNING", startTime: "1645539903281234588",
        lastUpdate: "1645539912499992547", taskCounts: ["RUNNING": 14, "COMPLETED": 11]),
      RunSummary(runID: 10, tag: "", state: "QUEUED", startTime: "0", lastUpdate: "x", taskCounts: [:]),
    ]
    #expect(
      RunCommands.table(runs, timeZone: .gmt) == """
        RUN  TAG     STATE    STARTED              LAST CHANGE          TASKS
          9  medium  RUNNING  2022-02-22 14:25:03  2022-02-22 14:25:12  14 RUNNING, 11 COMPLETED
         10  -       QUEUED   -                    -                    no tasks
        """)
  }

  @Test func `text of others cannot move the cursor`() {
    #expect(Printable.line("a\u{1B}[2Jb\nc\u{202E}d\r") == "a?[2Jb?c?d?")
    var table = TextTable([("A", .left)])
    table.add(["\u{1B}]0;x\u{7}"])
    #expect(table.text == "A\n?]0;x?")
  }

  @Test func `counts go in the order of a task's life`() {
    #expect(
      Counts.show(["KILLED": 1, "QUEUED": 2, "NEW": 3, "COMPLETED": 4, "RETRY": 0])
        == "2 QUEUED, 4 COMPLETED, 1 KILLED, 3 NEW")
    let run = RunSummary(
      runID: 3, tag: "", state: "RUNNING", startTime: "1", lastUpdate: "2",
      taskCounts: ["QUEUED": 5, "COMPLETED": 3, "RUNNING": 2])
    #expect(Counts.progress(run) == "run 3 RUNNING: 3 of 10, 2 RUNNING")
  }

  @Test(arguments: [
    ("1000000000", "1250000000", "0.25 s"), ("1", "59900000001", "59.9 s"),
    ("1", "245000000001", "4 min 05 s"),
    ("1", "7800000000001", "2 h 10 min"), ("1", "0", "-"), ("0", "5", "-"), ("x", "5", "-"),
  ])
  func `lengths of time are short`(start: String, stop: String, shown: String) {
    #expect(Moment.length(from: start, to: stop) == shown)
  }

  @Test func `tasks are ordered as people count`() {
    let names = ["b", "a_10", "a_9", "a_1", "a", "a_x", "a_01"]
    #expect(names.sorted(by: TaskOrder.precedes) == ["a", "a_01", "a_1", "a_9", "a_10", "a_x", "b"])
  }

  @Test func `a run is shown with what needs a look first`() throws {
    let json = """
      {"runID": 4, "tag": "t", "tasks": {}, "killRequested": true,
       "taskStates": {"a_0": "COMPLETED", "a_1": "ERRORED", "a_2": "COMPLETED", "b": "QUEUED"},
       "taskAttempts": {"a_0": [], "a_1": [
         {"startTime": "1000000000", "stopTime": "3000000000", "rc": 1, "state": "FAILED"},
         {"startTime": "5000000000", "stopTime": "5500000000", "rc": 2, "state": "FAILED"}]},
       "dagStateChanges": [{"time": "1000000000", "state": "QUEUED"}, {"time": "2000000000", "state": "RUNNING"}]}
      """
    let run = try JSONDecoder().decode(WholeRun.self, from: Data(json.utf8))
    #expect(
      RunCommands.text(run, limit: 2, timeZone: .gmt) == """
        run 4 (t): RUNNING, being killed
          1970-01-01 00:00:01  QUEUED
          1970-01-01 00:00:02  RUNNING
        1 QUEUED, 2 COMPLETED, 1 ERRORED

        TASK  STATE      ATTEMPTS  RC  STARTED                TIME
        a_0   COMPLETED         0   -  -                         -
        a_1   ERRORED           2   2  1970-01-01 00:00:05  0.50 s
        … and 2 more ('--all' shows them)
        """)
  }

  @Test func `agents stand in columns`() {
    let agents = [
      AgentSummary(
        name: "node7", state: "ACTIVE", cores: 4, memoryMB: 8000, coresUsed: 1.5, memoryMBUsed: 100,
        labels: ["zone": "b", "arch": "arm"], version: "0.1.0")
    ]
    #expect(
      AgentCommands.table(agents) == """
        AGENT  STATE      CORES    MEMORY MB  LABELS           VERSION
        node7  ACTIVE  1.5 of 4  100 of 8000  arch=arm zone=b  0.1.0
        """)
  }

  @Test func `a document's faults look like a compiler's`() {
    let faults = [
      Refusal.Fault(
        message: "unknown parent 'b'", path: "/tasks/a/parents/0", line: 3, column: 7,
        hint: "did you mean 'bb'?"),
      Refusal.Fault(message: "too large", path: nil, line: nil, column: nil, hint: nil),
    ]
    #expect(
      FaultReport.lines(faults, file: "x.json", kind: "error") == [
        "x.json:3:7: error: unknown parent 'b'", "  hint: did you mean 'bb'?", "x.json: error: too large",
      ])
  }

  @Test(arguments: [
    (401, ExitCode.refused), (403, .refused), (404, .refused), (409, .refused), (507, .refused),
    (503, .unreachable),
  ])
  func `a refusal is one line and an exit code`(status: Int, code: ExitCode) {
    let body = Data(#"{"title": "t", "status": 0, "detail": "no run 7", "error": "no run 7"}"#.utf8)
    let fault = Refusal(.init(status: status, body: body)).fault
    #expect(fault.code == code)
    #expect(fault.message.hasPrefix("no run 7 (\(status))"))
    #expect(!fault.message.contains("\n"))
    #expect(Refusal(.init(status: status, body: Data("<html>".utf8))).fault.code == code)
  }
}
