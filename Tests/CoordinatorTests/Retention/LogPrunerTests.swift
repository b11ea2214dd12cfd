import Foundation
import Glibc
import HTTP
import Protocol
import Scheduling
import System
import Testing

@testable import Coordinator

@Suite struct LogPrunerTests {
  private static let day: Int64 = 24 * 3600 * 1_000_000_000
  private static let now: Int64 = 1000 * day
  private let served: ServedStore

  init() throws { served = try ServedStore() }

  /// A run with tasks a, b, …; the output of each of their attempts is that text.
  private func add(_ run: Int64, ended days: Int64?, _ output: [[UInt8]], firstFence: Int64? = nil) throws {
    let names = output.indices.map { #""t\#($0)": {"job": {"command": ["x"]}}"# }.joined(separator: ", ")
    try served.add("{\"tasks\": {\(names)}}", run: run)
    var attempts: [AttemptRow] = []
    for (task, bytes) in output.enumerated() {
      var row = Sample.attempt(
        run, task, 1, days == nil ? .running : .completed, fence: (firstFence ?? run * 1000 + 1) + Int64(task)
      )
      row.stdoutBytes = days == nil ? 0 : Int64(bytes.count)
      attempts.append(row)
      if !bytes.isEmpty { served.print(bytes, row) }
    }
    try served.add(attempts)
    if let days { try end(run, days: days, tasks: output.count) }
  }

  private func end(_ run: Int64, days: Int64, tasks: Int, state: RunState = .completed) throws {
    var commit = Commit()
    var row = Sample.row(run, state, tasks: Int32(tasks), counts: [0, 0, 0, Int32(tasks), 0, 0, 0])
    row.lastUpdate = WallTime(nanoseconds: Self.now - days * Self.day)
    commit.runs = [row]
    try served.store.commit(commit)
  }

  private func pruner(days: Int64? = nil, bytes: Int64? = nil, spare: Int64 = 0) -> LogPruner {
    LogPruner(
      LogLimits(age: days.map { Period(nanoseconds: $0 * Self.day) }, bytes: bytes), reader: served.reader,
      logs: served.logs, spareBytes: spare)
  }

  @discardableResult
  private func pass(_ pruner: LogPruner) throws -> LogPruner.Figures {
    var walk = LogPruner.RunWalk()
    return try pruner.pass(&walk, now: WallTime(nanoseconds: Self.now))
  }

  private func log(_ run: Int64, _ task: Int = 0) -> ServedStore.Answer {
    served.ask("GET", "/v1/dagrun/\(run)/task/t\(task)/log")
  }

  private func bytes(_ count: Int, _ seed: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 >> 4) }
  }

  @Test func `the logs of runs that ended long enough ago go, others stay`() throws {
    try add(0, ended: 40, [bytes(100), bytes(200_000), []])
    try add(1, ended: 29, [bytes(100)])
    try add(2, ended: nil, [bytes(100)])
    #expect(try pass(pruner(days: 30)).runs == 1)
    let gone = log(0)
    #expect(gone.status == 410 && gone.header("Content-Type") == "application/problem+json")
    #expect(gone.text.contains("100 bytes") && gone.text.contains("--keep-logs-days"), "\(gone.text)")
    #expect(log(0, 1).status == 410)
    #expect(log(0, 2).status == 200, "what printed nothing has lost nothing")
    #expect(served.ask("GET", "/v1/dagrun/0/task/t0/log?stream=executor").status == 200)
    #expect(served.ask("GET", "/v1/dagrun/0/task/t0/log?follow=1&attempt=1").status == 410)
    #expect(served.ask("GET", "/v1/dagrun/0/task/t0/log?offset=5").status == 410)
    #expect(log(1).body == bytes(100) && log(2).body == bytes(100))
    #expect(try pass(pruner(days: 30)).runs == 0, "once")
  }

  @Test func `lists say what was printed and that it is gone`() throws {
    try add(0, ended: 40, [bytes(70_000)])
    try pass(pruner(days: 30))
    for path in ["/v1/dagrun/0/task/t0/attempts?logs=full", "/v1/dagrun/0?logs=full"] {
      let text = served.ask("GET", path).text
      #expect(text.contains(#""outputLog":"""#) && text.contains(#""outputLogPruned":true"#), "\(text)")
      #expect(text.contains(#""outputBytes":70000"#) && !text.contains("errorLogPruned"))
    }
  }

  @Test func `of a lost attempt is still told how much it had printed`() throws {
    try add(0, ended: 40, [bytes(100)])
    var lost = Sample.attempt(0, 0, 2, .lost, fence: 900)
    lost.stdoutBytes = 0
    try served.add([lost])
    served.print(bytes(300_000), lost)
    try pass(pruner(days: 30))
    let attempts = try served.ask("GET", "/v1/dagrun/0/task/t0/attempts").list()
    #expect(attempts[1]["outputBytes"] as? Int == 300_000 && attempts[1]["outputLogPruned"] as? Bool == true)
    #expect(served.ask("GET", "/v1/dagrun/0/task/t0/log?attempt=2").status == 410)
  }

  @Test func `beyond the room for logs those go whose run ended first, and only as many as must`() throws {
    // The numbers of the runs are not the order of their ends.
    try add(0, ended: 1, [bytes(500_000)])
    try add(1, ended: 3, [bytes(500_000), bytes(500_000)])
    try add(2, ended: 2, [bytes(500_000)])
    try add(3, ended: nil, [bytes(500_000)])
    try pass(pruner(bytes: 1 << 20 | 600_000))
    #expect(log(1).status == 410 && log(1, 1).status == 410)
    #expect(log(2).status == 200 && log(0).status == 200 && log(3).status == 200)
    let over = try pass(pruner(bytes: 100_000))
    #expect(log(2).status == 410 && log(0).status == 410)
    #expect(over.isOver && log(3).status == 200, "a run that has not ended keeps its logs")
  }

  @Test func `the room is used again, and given back to the file system`() throws {
    let path = served.folder.file("logs.db")
    func size() throws -> Int64 {
      var found = stat()
      #expect(stat(path, &found) == 0)
      return Int64(found.st_size)
    }
    try add(0, ended: 40, (0..<40).map { bytes(1 << 20, $0) })
    let before = try served.logs.reader.room()
    #expect(before.givesBack && before.used > 40 << 20)
    let figures = try pass(pruner(days: 30, spare: 4 << 20))
    let after = try served.logs.reader.room()
    #expect(after.used < 1 << 20 && after.free <= 4 << 20 && figures.givenBackBytes > 30 << 20)
    #expect(try size() <= 6 << 20)
    // All of it goes on as before.
    try add(1, ended: 0, [bytes(1 << 20)])
    #expect(log(1).body == bytes(1 << 20))
  }

  @Test func `a run that is run again keeps what it prints then, until that has ended long ago`() throws {
    try add(0, ended: 40, [bytes(100)])
    try pass(pruner(days: 30))
    try end(0, days: 0, tasks: 1, state: .running)
    var again = Sample.attempt(0, 0, 2, .completed, fence: 77_000)
    again.stdoutBytes = 9
    try served.add([again])
    served.print(bytes(9), again)
    try pass(pruner(days: 30))
    #expect(log(0).body == bytes(9))
    #expect(served.ask("GET", "/v1/dagrun/0/task/t0/log?attempt=1").status == 410)
    try end(0, days: 31, tasks: 1)
    #expect(try pass(pruner(days: 30)).runs == 1)
    #expect(log(0).status == 410)
  }

  @Test func `who reads a log while it is removed is cut off, and gets no gap`() throws {
    let row = Sample.ended(0, 0)
    try served.add(#"{"tasks": {"t0": {"job": {"command": ["x"]}}}}"#)
    try served.add([row])
    served.print(bytes(600_000), row)
    let source = LogSource(reader: served.reader, logs: served.logs.reader)
    let body = StoredLog(row, .stdout, 0..<600_000, source)
    guard case .bytes(let first) = body.next(wake: {}) else { throw Unexpected() }
    try end(0, days: 40, tasks: 1)
    try pass(pruner(days: 30))
    guard case .failed = body.next(wake: {}) else { throw Unexpected() }
    #expect(first == Array(bytes(600_000)[..<first.count]))
  }

  private struct Unexpected: Error {}
}

/// Steps, crashes and refusals.
@Suite struct LogPruningStepsTests {
  private func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x61, count: count) }

  private func step(_ logs: AttemptLogs, _ items: [LogPruning]) -> PruningResult {
    let result = Monitor<PruningResult?>(nil)
    logs.prune(items) { told in result.signal { $0 = told } }
    return result.wait(until: { $0 != nil }, \.self)!
  }

  private func print(_ logs: AttemptLogs, _ fence: Int64, _ count: Int) {
    let isDone = Monitor(false)
    logs.append([OutputPiece(LogStream(Fence(fence), .stdout), offset: 0, bytes(count))]) {
      isDone.signal { $0 = true }
    }
    isDone.wait(until: { $0 }, { _ in })
  }

  private func removal(_ fence: Int64) -> LogPruning {
    .remove(PrunedAttempt(fence: Fence(fence), stdoutBytes: 0, stderrBytes: 0))
  }

  @Test func `a step removes a bounded part, and the next one goes on there`() throws {
    let folder = TemporaryDirectory()
    let logs = try AttemptLogs(DataDirectory(folder.path), software: "test") { fatalError($0.message) }
    defer { logs.close() }
    // In pieces as sessions hand them over.
    for piece in 0..<160 {
      let isDone = Monitor(false)
      logs.append([
        OutputPiece(LogStream(Fence(1), .stdout), offset: Int64(piece) << 16, bytes(64 << 10))
      ]) { isDone.signal { $0 = true } }
      isDone.wait(until: { $0 }, { _ in })
    }
    var steps = 0
    var items = [removal(1), removal(2)]
    while !items.isEmpty {
      guard case .done(let count) = step(logs, items) else { break }
      items.removeFirst(count)
      steps += 1
    }
    #expect(steps == 3, "10 MiB by 4")
    #expect(try logs.reader.size(Fence(1), .stdout) == 0)
  }

  @Test func `a crash at any step leaves what was done, and what is left is found`() throws {
    let folder = TemporaryDirectory()
    let logs = try AttemptLogs(DataDirectory(folder.path), software: "test") { fatalError($0.message) }
    print(logs, 1, 100_000)
    print(logs, 2, 100_000)
    let ended = EndedRun(run: RunID(0), ended: WallTime(nanoseconds: 5))
    _ = step(logs, [.mark(ended, through: Fence(2)), removal(1)])
    let copy = try folder.crashCopy()
    _ = step(logs, [removal(2), .finish(RunID(0))])
    #expect(try logs.reader.unfinished() == [])
    logs.close()
    let again = try AttemptLogs(DataDirectory(copy.path), software: "test") { fatalError($0.message) }
    defer { again.close() }
    #expect(try again.reader.unfinished() == [PrunedRun(ended: ended, through: Fence(2), isDone: false)])
    #expect(try again.reader.size(Fence(1), .stdout) == 0 && again.reader.size(Fence(2), .stdout) == 100_000)
  }

  @Test func `a disk that takes nothing refuses a step, and output goes on when it does again`() throws {
    let disk = FaultyFolder()
    let logs = try AttemptLogs(DataDirectory(disk.path), software: "test") { fatalError($0.message) }
    defer { logs.close() }
    print(logs, 1, 100_000)
    disk.refuse(.write, of: "-wal", with: FaultyFolder.full)
    guard case .refused = step(logs, [removal(1)]) else {
      Issue.record("it was not refused")
      return
    }
    disk.mend()
    #expect(try logs.reader.size(Fence(1), .stdout) == 100_000)
    print(logs, 2, 10)
    guard case .done(1) = step(logs, [removal(1)]) else {
      Issue.record("it was not done")
      return
    }
    #expect(try logs.reader.size(Fence(1), .stdout) == 0 && logs.reader.size(Fence(2), .stdout) == 10)
  }
}
