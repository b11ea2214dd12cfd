import Foundation
import Protocol
import SQLite
import Scheduling
import Testing

@testable import Coordinator

/// What HTTP threads read while the Engine writes.
@Suite struct StoreReaderTests {
  private let folder = TemporaryDirectory()
  private let store: SQLiteStore
  private let reader: StoreReader

  init() throws {
    let directory = try DataDirectory(folder.path)
    store = try SQLiteStore(directory, software: "test 1")
    _ = try store.open()
    reader = StoreReader(directory, layouts: LayoutCache())
  }

  private static func document(_ tasks: String...) -> [UInt8] {
    let tasks = tasks.map { "\"\($0)\": {\"job\": {\"command\": [\"/bin/true\"]}}" }
    return Array("{\"tasks\": {\(tasks.joined(separator: ","))}}".utf8)
  }

  @Test func `runs come in pages, all or those that are open`() throws {
    for run in 0..<10 { try store.commit(Sample.submission(Int64(run))) }
    var commit = Commit()
    commit.runs = [2, 3, 7].map { Sample.row($0, .completed, counts: [0, 0, 0, 1, 0, 0, 0]) }
    try store.commit(commit)
    func ids(_ from: Int64, open: Bool, _ limit: Int) throws -> [Int64] {
      try reader.runs(from: RunID(from), open: open, limit: limit).map(\.run.value)
    }
    #expect(try ids(0, open: false, 4) == [0, 1, 2, 3])
    #expect(try ids(4, open: false, 100) == [4, 5, 6, 7, 8, 9])
    #expect(try ids(0, open: true, 3) == [0, 1, 4])
    #expect(try ids(5, open: true, 3) == [5, 6, 8])
    #expect(try ids(10, open: false, 3) == [])
    #expect(try reader.run(RunID(7)) == commit.runs[2])
    #expect(try reader.run(RunID(10)) == nil)
  }

  @Test func `a run's changes of state come in the order they were written`() throws {
    try store.commit(Sample.submission(0))
    try store.commit(Sample.submission(1))
    var commit = Commit()
    commit.runStateChanges = [
      Sample.change(0, .running, at: 9), Sample.change(1, .killed, at: 8),
      Sample.change(0, .completed, at: 7),
    ]
    try store.commit(commit)
    let changes = try reader.stateChanges(of: RunID(0))
    #expect(changes.map(\.state) == [.queued, .running, .completed])
    #expect(changes.map(\.time.nanoseconds) == [5, 9, 7])
    #expect(try reader.stateChanges(of: RunID(2)).isEmpty)
  }

  @Test func `state bytes are read by chunk and by task`() throws {
    var commit = Sample.submission(0, tasks: 8003)
    let bytes = (0..<8003).map { UInt8($0 % 7) }
    commit.chunks = Sample.chunks(0, bytes)
    try store.commit(commit)
    #expect(try (0..<4).flatMap { try reader.taskBytes(of: RunID(0), chunk: $0) } == bytes)
    #expect(try reader.taskBytes(of: RunID(1), chunk: 0) == [])
    for task in [0, 3999, 4000, 8002] {
      #expect(try reader.taskByte(of: TaskKey(RunID(0), TaskIndex(task)))?.raw == bytes[task])
    }
    #expect(try reader.taskByte(of: TaskKey(RunID(0), TaskIndex(8003))) == nil)
  }

  @Test func `attempts come in pages by task and number, without those only dispatched`() throws {
    try store.commit(Sample.submission(0, tasks: 40))
    var commit = Commit()
    var expected: [AttemptRow] = []
    for task in 0..<40 {
      for number in 1...Int32(task % 3 + 1) {
        let row = Sample.ended(0, task, number, rc: number)
        expected.append(row)
        commit.attempts.insert(.insert(row), at: commit.attempts.count / 2)
      }
    }
    commit.attempts.append(.insert(Sample.attempt(0, 39, 9)))
    commit.attempts.append(.insert(Sample.ended(1, 0)))
    try store.commit(commit)
    for limit in [1, 2, 7, 1000] {
      var found: [AttemptRow] = []
      var at = (task: TaskIndex(0), number: AttemptNumber(1))
      while true {
        let page = try reader.attempts(of: RunID(0), from: at.task, number: at.number, limit: limit)
        guard let last = page.last else { break }
        found += page
        at = (last.key.task, AttemptNumber(last.number.value + 1))
      }
      #expect(found == expected)
    }
  }

  @Test func `an attempt comes back as written, whatever its numbers`() throws {
    var row = Sample.attempt(0, 5, 1, .lost, fence: .max)
    row.start = WallTime(nanoseconds: 9)
    row.stop = WallTime(nanoseconds: 3)
    row.words = "signal 9; \u{FFFD} ü"
    row.rc = .min
    row.isKillRequested = true
    row.cpuMicroseconds = .max
    row.peakMemoryKB = .max
    row.stdoutBytes = .max
    row.stderrBytes = .max
    var far = Sample.attempt(0, 6, .max, .killed)
    far.start = WallTime(nanoseconds: .min)
    far.stop = WallTime(nanoseconds: .max)
    var commit = Commit()
    commit.attempts = [.insert(row), .insert(far)]
    try store.commit(commit)
    #expect(
      try reader.attempts(of: RunID(0), from: TaskIndex(0), number: AttemptNumber(1), limit: 9) == [row, far])
  }

  @Test func `an agent's name is found by its number`() throws {
    var commit = Commit()
    commit.agents = [Sample.agent(1, "b"), Sample.agent(0, "a")]
    try store.commit(commit)
    #expect(try reader.agentName(AgentID(1)) == "b")
    #expect(try reader.agentName(AgentID(2)) == nil)
  }

  @Test func `a layout is what the documents say by now`() throws {
    var commit = Sample.submission(0, tasks: 1)
    commit.runsAdded[0].document = Array(
      #"{"tasks": {"make": {"isGenerator": true, "job": {"command": ["/bin/make"]}}}}"#.utf8)
    try store.commit(commit)
    #expect(try reader.layout(of: RunID(1))?.taskCount == nil)
    #expect(try reader.layout(of: RunID(0))?.taskCount == 1)

    commit = Commit()
    commit.partsAdded = [
      PartAdded(
        run: RunID(0), part: 1, generator: TaskIndex(0),
        document: Array(#"{"x": {"job": {"command": ["/bin/x"]}}}"#.utf8), moved: [])
    ]
    try store.commit(commit)
    let grown = try #require(try reader.layout(of: RunID(0)))
    #expect(grown.taskCount == 2 && grown.liveTaskCount == 2)
    #expect(grown.job(TaskIndex(1)).command == ["/bin/x"])

    commit = Commit()
    commit.partsDropped = [PartDropped(run: RunID(0), part: 1)]
    try store.commit(commit)
    let dropped = try #require(try reader.layout(of: RunID(0)))
    #expect(dropped.taskCount == 2 && dropped.liveTaskCount == 1)
  }

  @Test func `a layout that is not committed yet is not shown`() throws {
    let cache = LayoutCache()
    let reader = StoreReader(try DataDirectory(folder.path + "/other"), layouts: cache)
    #expect(throws: StoreFault.self, "there is no file yet") { try reader.layout(of: RunID(0)) }
    let plan = try RunPlan.trusted(StoreReaderTests.document("a"))
    cache.put(RunLayout(main: plan), for: RunID(0))
    #expect(cache.find(RunID(0), parts: 0, dropped: 0) == nil)
    #expect(cache.find(RunID(0), parts: 1, dropped: 1) == nil)
    #expect(cache.find(RunID(0), parts: 1, dropped: 0)?.taskCount == 1)
  }

  @Test func `the cache of layouts keeps what was used last within its bound`() throws {
    let plan = try RunPlan.trusted(StoreReaderTests.document("a", "b"))
    let cache = LayoutCache(documentBytes: plan.document.count * 3)
    func has(_ run: Int64) -> Bool { cache.find(RunID(run), parts: 1, dropped: 0) != nil }
    for run in 0..<3 { cache.put(RunLayout(main: plan), for: RunID(Int64(run))) }
    #expect(has(0))
    cache.put(RunLayout(main: plan), for: RunID(3))
    #expect(has(0) && !has(1) && has(2) && has(3))
    let large = LayoutCache(documentBytes: 1)
    large.put(RunLayout(main: plan), for: RunID(0))
    #expect(large.find(RunID(0), parts: 1, dropped: 0) != nil, "one is kept, however large")
  }

  @Test func `a stored document that cannot be read again is a fault that names the run`() throws {
    try store.commit(Sample.submission(0))
    let fault = #expect(throws: StoreFault.self) { try reader.layout(of: RunID(0)) }
    #expect(fault?.kind == .corrupt)
    #expect(fault?.message.hasPrefix("run 0:") == true)
  }

  @Test func `readers see whole commits while the store writes and tidies`() async throws {
    // Each commit sets all bytes of two chunks to one value, and the run's state with them.
    let tasks: Int32 = 8000
    try store.commit(Sample.submission(0, tasks: tasks))
    let last: Int64 = 600
    try await withThrowingTaskGroup { group in
      for _ in 0..<4 {
        group.addTask { [reader] in
          var seen: Int64 = 0
          while seen < last {
            let row = try #require(try reader.run(RunID(0)))
            #expect(row.latestStop.nanoseconds >= seen, "time went backwards")
            seen = row.latestStop.nanoseconds
            let bytes = try reader.taskBytes(of: RunID(0), chunk: Int32.random(in: 0...1))
            #expect(bytes.allSatisfy { $0 == bytes[0] }, "half a commit was seen")
            #expect(bytes.count == 4000)
            await Task.yield()
          }
        }
      }
      group.addTask { [store] in
        for moment in 1...last {
          var commit = Commit()
          var row = Sample.row(0, .running, tasks: tasks)
          row.latestStop = WallTime(nanoseconds: moment)
          commit.runs = [row]
          commit.chunks = Sample.chunks(0, [UInt8](repeating: UInt8(moment % 7), count: Int(tasks)))
          try store.commit(commit)
          try store.tidy()
        }
      }
      try await group.waitForAll()
    }
    let size = try FileManager.default.attributesOfItem(atPath: folder.file("state.db-wal"))[.size] as! Int
    #expect(size < 16_000 * 4096 + (1 << 20), "the log does not grow for ever: \(size)")
  }

  @Test func `a reader cannot write`() throws {
    let connection = try Connection.reading(folder.file("state.db"))
    #expect(throws: SQLiteFault.self) { try connection.execute("DELETE FROM meta") }
  }
}
