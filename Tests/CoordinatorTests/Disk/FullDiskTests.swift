import Protocol
import Scheduling
import System
import Testing

@testable import Coordinator

/// The Engine and the logs on a disk that takes nothing for a while.
@Suite struct FullDiskTests {
  private final class Served {
    let disk = FaultyFolder()
    let watch: DiskWatch
    let store: SQLiteStore
    let logs: AttemptLogs
    let engine: Engine
    let thread: Thread

    init() throws {
      let directory = try DataDirectory(disk.path)
      var limits = DiskLimits()
      limits.interval = .milliseconds(5)
      limits.retry = .milliseconds(5)
      let watch = DiskWatch(directory, ballastBytes: 1 << 20, limits: limits, free: { 1 << 40 })
      self.watch = watch
      store = try SQLiteStore(directory, software: "test")
      logs = try AttemptLogs(directory, software: "test", disk: watch) { fatalError($0.message) }
      let engine = Engine(
        store: store, state: try store.open(), logs: logs, layouts: LayoutCache(), disk: watch,
        settings: EngineSettings(), onFailure: { fatalError($0.message) })
      self.engine = engine
      watch.begin { engine.post(.disk(isLow: $0)) }
      thread = Thread(name: "engine") { engine.run() }
    }

    func stop() {
      disk.mend()
      engine.stop()
      thread.join()
      logs.close()
      watch.stop()
    }

    /// Waits until so many writes were refused.
    func isRefused(times: Int) async throws { try await until("refused") { self.disk.refusals >= times } }

    /// Waits until the watch has seen that there is room.
    func isRoomy() async throws { try await until("roomy") { !self.watch.isLow } }

    struct NeverHappened: Error { var what: String }

    private func until(_ what: String, _ holds: () -> Bool) async throws {
      let end = Instant.now() + .seconds(60)
      while !holds() {
        if Instant.now() > end { throw NeverHappened(what: what) }
        await Task.yield()
      }
    }

    func submit() -> Answer<RunID> {
      guard
        case .plan(let plan) = RunPlan.check(Array(#"{"tasks": {"a": {"job": {"command": ["x"]}}}}"#.utf8))
      else { fatalError("no DAG") }
      let answer = Answer<RunID>()
      engine.post(.submit(plan) { result in answer.put(result) })
      return answer
    }
  }

  private final class Answer<Value: Sendable>: Sendable {
    private let result = Monitor<Result<Value, Refusal>?>(nil)
    func put(_ value: Result<Value, Refusal>) { result.signal { $0 = value } }
    var now: Result<Value, Refusal>? { result.with { $0 } }
    func wait() -> Result<Value, Refusal>? { result.wait(upTo: .seconds(60), until: { $0 != nil }, { $0 }) }
  }

  @Test func `a commit that the disk refuses is answered when it is taken, and others are refused meanwhile`()
    async throws
  {
    let served = try Served()
    defer { served.stop() }
    #expect(try served.submit().wait()?.get() == RunID(0))
    served.disk.refuse(.write, of: "state.db-wal", with: FaultyFolder.full)
    let held = served.submit()
    try await served.isRefused(times: 1)
    let other = served.submit()
    guard case .failure(let refusal) = other.wait() else {
      Issue.record("it was accepted")
      return
    }
    #expect(refusal.kind == .diskFull && refusal.message.contains("free some space"))
    let command = Answer<Void>()
    served.engine.post(.command(.kill(RunID(0))) { command.put($0) })
    guard case .failure(let refused) = command.wait() else {
      Issue.record("it was obeyed")
      return
    }
    #expect(refused.kind == .diskFull)
    let agents = Answer<Int>()
    served.engine.post(.askAgents { list in agents.put(.success(list.count)) })
    #expect(try agents.wait()?.get() == 0, "who only looks is answered")
    #expect(held.now == nil && served.watch.isLow)
    served.disk.mend()
    #expect(try held.wait()?.get() == RunID(1))
    // The watch has to see it first.
    try await served.isRoomy()
    #expect(try served.submit().wait()?.get() == RunID(2))
    #expect(try served.store.load(run: RunID(1)) != nil)
  }

  @Test func `output that the disk refuses is stored once it takes it, whole and in order`() async throws {
    let served = try Served()
    defer { served.stop() }
    func piece(_ offset: Int64, _ text: String) -> OutputPiece {
      OutputPiece(LogStream(Fence(1), .stdout), offset: offset, Array(text.utf8))
    }
    let stored = Monitor([Int]())
    served.logs.append([piece(0, "one ")]) { stored.signal { $0.append(1) } }
    #expect(stored.wait(upTo: .seconds(60), until: { !$0.isEmpty }, { $0 }) == [1])
    served.disk.refuse(.write, of: "logs.db-wal", with: FaultyFolder.full)
    served.logs.append([piece(4, "two ")]) { stored.signal { $0.append(2) } }
    try await served.isRefused(times: 3)
    served.logs.append([piece(8, "three")]) { stored.signal { $0.append(3) } }
    #expect(served.watch.isLow)
    #expect(stored.with { $0 } == [1])
    served.disk.mend()
    #expect(stored.wait(upTo: .seconds(60), until: { $0.count == 3 }, { $0 }) == [1, 2, 3])
    #expect(
      try served.logs.reader.read(Fence(1), .stdout, from: 0, limit: 100) == Array("one two three".utf8))
    try await served.isRoomy()
  }

  @Test func `more output may wait while the disk takes none, so that agents are heard`() async throws {
    let served = try Served()
    defer { served.stop() }
    served.disk.refuse(.write, of: "logs.db-wal", with: FaultyFolder.full)
    served.logs.append([OutputPiece(LogStream(Fence(1), .stdout), offset: 0, [1])]) {}
    try await served.isRefused(times: 2)
    let megabyte = [UInt8](repeating: 7, count: 1 << 20)
    func append(_ number: Int64) -> AttemptLogs.Room {
      served.logs.append([OutputPiece(LogStream(Fence(2), .stdout), offset: number << 20, megabyte)]) {}
    }
    let bound = Int64(AttemptLogs.queuedBytesWhenFull >> 20)
    for number in 0..<bound - 1 { #expect(append(number) == .room) }
    #expect(append(bound - 1) == .full)
    let woken = Monitor(false)
    served.logs.whenRoom { woken.signal { $0 = true } }
    #expect(!woken.with { $0 })
    served.disk.mend()
    #expect(woken.wait(upTo: .seconds(60), until: { $0 }, { $0 }))
  }
}
