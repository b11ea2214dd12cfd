import Foundation
import Protocol
import Scheduling
import Testing

@testable import Coordinator

/// What every store must do, said of the protocol alone. A store joins by its place in `StoreKind`.
enum StoreKind: CaseIterable, CustomTestStringConvertible {
  case sqlite

  /// A place that is opened again and again, as by coordinators one after the other.
  func place() -> any StorePlace {
    switch self {
    case .sqlite: SQLitePlace()
    }
  }
  var testDescription: String { "\(self)" }
}

protocol StorePlace: AnyObject {
  /// The store before must not be used any more.
  func reopen() throws -> any Store
}

private final class SQLitePlace: StorePlace {
  private let folder = TemporaryDirectory()

  func reopen() throws -> any Store {
    // As on a file system whose locks hold nobody off: the store before may live.
    try? FileManager.default.removeItem(atPath: folder.file("lock"))
    return try SQLiteStore(try DataDirectory(folder.path), software: "test 1")
  }
}

@Suite struct StoreConformance {
  private func fresh(_ kind: StoreKind) throws -> (any StorePlace, any Store, StoredState) {
    let place = kind.place()
    let store = try place.reopen()
    return (place, store, try store.open())
  }

  @Test(arguments: StoreKind.allCases)
  func `a fresh store holds nothing and is epoch 1`(_ kind: StoreKind) throws {
    let (_, store, state) = try fresh(kind)
    #expect(state.epoch == Epoch(1))
    #expect(state.nextRun == RunID(0))
    #expect(state.runs.isEmpty && state.agents.isEmpty)
    #expect(try store.load(run: RunID(0))?.row.run == nil)
  }

  @Test(arguments: StoreKind.allCases)
  func `every opening counts the epoch up`(_ kind: StoreKind) throws {
    let place = kind.place()
    for epoch in 1...3 { #expect(try place.reopen().open().epoch == Epoch(Int64(epoch))) }
  }

  @Test(arguments: StoreKind.allCases)
  func `a run comes back as it was committed`(_ kind: StoreKind) throws {
    let (place, store, _) = try fresh(kind)
    try store.commit(Sample.submission(0, tasks: 9001))
    let before = try #require(try store.load(run: RunID(0)))
    #expect(before.row.tag == "tag 0" && before.row.labels == #"{"a":"b"}"#)
    #expect(before.parts.map(\.document) == [Array("{\"run\":0}".utf8)])
    #expect(before.bytes.count == 9001)
    let state = try place.reopen().open()
    #expect(state.nextRun == RunID(1))
    #expect(state.runs.map(\.dump) == [before.dump])
  }

  @Test(arguments: StoreKind.allCases)
  func `rows behind live and expanding tasks come back, others stay where they are`(
    _ kind: StoreKind
  ) throws {
    let (place, store, _) = try fresh(kind)
    try store.commit(Sample.submission(0, tasks: 4))
    var alive = TaskByte(.running)
    alive.isAlive = true
    var expanding = TaskByte(.running)
    expanding.isExpanding = true
    var done = TaskByte(.completed)
    done.hasAttempts = true
    var commit = Commit()
    var running = Sample.attempt(0, 2, 2, .running)
    running.start = WallTime(nanoseconds: 12)
    running.isKillRequested = true
    commit.attempts = [
      .insert(Sample.ended(0, 0)), .insert(Sample.ended(0, 2, 1, rc: 3)), .insert(running),
      .insert(Sample.ended(0, 3)),
    ]
    commit.chunks = Sample.chunks(0, [done.raw, TaskByte(.queued).raw, alive.raw, expanding.raw])
    commit.histories = [
      HistoryWrite(
        key: TaskKey(RunID(0), TaskIndex(2)),
        history: TaskHistory(lastNumber: 2, failures: 1, lost: 0, deaths: 0))
    ]
    commit.runs = [Sample.row(0, .running, tasks: 4, counts: [1, 2, 0, 1, 0, 0, 0])]
    try store.commit(commit)
    let run = try #require(try place.reopen().open().runs.first)
    #expect(run.open == [running, Sample.ended(0, 3)])
    #expect(run.histories.map(\.task) == [TaskIndex(2)])
    #expect(run.histories.first?.history == TaskHistory(lastNumber: 2, failures: 1, lost: 0, deaths: 0))
  }

  @Test(arguments: StoreKind.allCases)
  func `attempts whose result is awaited come back beside the live one, until they are awaited no more`(
    _ kind: StoreKind
  ) throws {
    let (place, store, _) = try fresh(kind)
    var commit = Sample.submission(0)
    var alive = TaskByte(.queued)
    alive.isAlive = true
    commit.chunks = Sample.chunks(0, [alive.raw])
    var lost = Sample.attempt(0, 0, 1, .lost)
    lost.words = "lost"
    lost.isAwaited = true
    commit.attempts = [
      .insert(Sample.attempt(0, 0, 1)), .update(lost), .insert(Sample.attempt(0, 0, 2)),
    ]
    try store.commit(commit)
    let again = try place.reopen()
    #expect(try again.open().runs.first?.open == [Sample.attempt(0, 0, 2), lost])
    lost.isAwaited = false
    commit = Commit()
    commit.attempts = [.update(lost)]
    try again.commit(commit)
    #expect(try again.load(run: RunID(0))?.open == [Sample.attempt(0, 0, 2)])
  }

  @Test(arguments: StoreKind.allCases)
  func `a final run is not recovered but can be loaded`(_ kind: StoreKind) throws {
    let (place, store, _) = try fresh(kind)
    for run in 0..<4 { try store.commit(Sample.submission(Int64(run))) }
    var commit = Commit()
    commit.runs = [
      Sample.row(1, .completed, counts: [0, 0, 0, 1, 0, 0, 0]), Sample.row(2, .paused),
      Sample.row(3, .killed),
    ]
    try store.commit(commit)
    let again = try place.reopen()
    #expect(try again.open().runs.map(\.row.run) == [RunID(0), RunID(2)])
    #expect(try again.load(run: RunID(1))?.row.state == .completed)
    #expect(try again.load(run: RunID(3))?.row.state == .killed)
  }

  @Test(arguments: StoreKind.allCases)
  func `attempts are changed and taken back`(_ kind: StoreKind) throws {
    let (_, store, _) = try fresh(kind)
    var commit = Sample.submission(0)
    var alive = TaskByte(.queued)
    alive.isAlive = true
    commit.chunks = Sample.chunks(0, [alive.raw])
    commit.attempts = [.insert(Sample.attempt(0, 0))]
    try store.commit(commit)
    #expect(try store.load(run: RunID(0))?.open.map(\.state) == [.dispatched])

    // Revoked and dispatched again: the number is given again, with a new fence, in one batch.
    commit = Commit()
    commit.attempts = [
      .delete(TaskKey(RunID(0), TaskIndex(0)), AttemptNumber(1)),
      .insert(Sample.attempt(0, 0, 1, fence: 1 << 41)),
      .update(Sample.attempt(0, 0, 1, .running, fence: 1 << 41)),
    ]
    try store.commit(commit)
    let open = try #require(try store.load(run: RunID(0))?.open)
    #expect(open.map(\.fence) == [Fence(1 << 41)] && open.map(\.state) == [.running])
  }

  @Test(arguments: StoreKind.allCases)
  func `a commit that cannot be whole leaves nothing`(_ kind: StoreKind) throws {
    let (place, store, _) = try fresh(kind)
    try store.commit(Sample.submission(0))
    let before = try #require(try store.load(run: RunID(0))).dump
    var commit = Sample.submission(1)
    commit.runs.append(Sample.row(0, .running))
    // There is no such attempt.
    commit.attempts = [.update(Sample.ended(0, 0))]
    #expect(throws: StoreFault.self) { try store.commit(commit) }
    let again = try place.reopen()
    #expect(try again.open().runs.map(\.dump) == [before])
    #expect(try again.load(run: RunID(1))?.row.run == nil)
  }

  @Test(arguments: StoreKind.allCases)
  func `what a generator made is added, dropped, and its attempts move on`(_ kind: StoreKind) throws {
    let (place, store, _) = try fresh(kind)
    try store.commit(Sample.submission(0))
    func part(_ number: Int32, moved: [(from: TaskIndex, to: TaskIndex)] = []) -> PartAdded {
      PartAdded(
        run: RunID(0), part: number, generator: TaskIndex(0), document: Array("part \(number)".utf8),
        moved: moved)
    }
    var commit = Commit()
    commit.partsAdded = [part(1)]
    commit.chunks = Sample.chunks(0, [3, 3])
    commit.attempts = [.insert(Sample.ended(0, 1, 1, rc: 1)), .insert(Sample.ended(0, 1, 2))]
    commit.histories = [
      HistoryWrite(
        key: TaskKey(RunID(0), TaskIndex(1)),
        history: TaskHistory(lastNumber: 2, failures: 1, lost: 0, deaths: 0))
    ]
    commit.runs = [Sample.row(0, tasks: 2)]
    try store.commit(commit)

    commit = Commit()
    commit.partsDropped = [PartDropped(run: RunID(0), part: 1)]
    try store.commit(commit)
    var expanding = TaskByte(.queued)
    expanding.isExpanding = true
    commit = Commit()
    commit.partsAdded = [part(2, moved: [(TaskIndex(1), TaskIndex(2))])]
    commit.chunks = Sample.chunks(0, [3, 3, expanding.raw])
    commit.runs = [Sample.row(0, tasks: 3)]
    try store.commit(commit)

    let run = try #require(try place.reopen().open().runs.first)
    #expect(run.parts.map(\.part) == [0, 1, 2])
    #expect(run.parts.map(\.isDropped) == [false, true, false])
    #expect(run.parts.map(\.generator) == [nil, TaskIndex(0), TaskIndex(0)])
    #expect(run.parts.last?.document == Array("part 2".utf8))
    #expect(run.open.map(\.number) == [AttemptNumber(2)], "the attempts of task 1 are those of task 2 now")
    #expect(run.histories.map(\.task) == [TaskIndex(2)])
  }

  @Test(arguments: StoreKind.allCases)
  func `a part may be added and dropped in one commit`(_ kind: StoreKind) throws {
    let (_, store, _) = try fresh(kind)
    try store.commit(Sample.submission(0))
    var commit = Commit()
    commit.partsAdded = [
      PartAdded(run: RunID(0), part: 1, generator: TaskIndex(0), document: Array("{}".utf8), moved: [])
    ]
    commit.partsDropped = [PartDropped(run: RunID(0), part: 1)]
    try store.commit(commit)
    #expect(try store.load(run: RunID(0))?.parts.map(\.isDropped) == [false, true])
  }

  @Test(arguments: StoreKind.allCases)
  func `a history that has become nothing goes`(_ kind: StoreKind) throws {
    let (_, store, _) = try fresh(kind)
    var commit = Sample.submission(0)
    let key = TaskKey(RunID(0), TaskIndex(0))
    commit.histories = [
      HistoryWrite(key: key, history: TaskHistory(lastNumber: 1, failures: 1, lost: 1, deaths: 1)),
      HistoryWrite(key: key, history: TaskHistory(lastNumber: 2, failures: 1, lost: 1, deaths: 1)),
    ]
    try store.commit(commit)
    #expect(try store.load(run: RunID(0))?.histories.map(\.history.lastNumber) == [2])
    commit = Commit()
    commit.histories = [HistoryWrite(key: key, history: nil)]
    try store.commit(commit)
    #expect(try store.load(run: RunID(0))?.histories.isEmpty == true)
  }

  @Test(arguments: StoreKind.allCases)
  func `agents come back as last heard of`(_ kind: StoreKind) throws {
    let (place, store, _) = try fresh(kind)
    var commit = Commit()
    commit.agents = [Sample.agent(1, "b"), Sample.agent(0, "a")]
    try store.commit(commit)
    var changed = Sample.agent(1, "b")
    changed.state = .lost
    changed.labels = [:]
    changed.incarnation = Incarnation(directoryID: "d", bootID: "x", startNumber: 4)
    commit.agents = [changed]
    try store.commit(commit)
    #expect(try place.reopen().open().agents == [Sample.agent(0, "a"), changed])
  }

  @Test(arguments: StoreKind.allCases)
  func `a document keeps its bytes, whatever they are`(_ kind: StoreKind) throws {
    let (_, store, _) = try fresh(kind)
    var commit = Sample.submission(0)
    commit.runsAdded[0].document = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try store.commit(commit)
    #expect(try store.load(run: RunID(0))?.parts.first?.document == commit.runsAdded[0].document)
  }

  @Test(arguments: StoreKind.allCases)
  func `a coordinator that was taken over writes no more`(_ kind: StoreKind) throws {
    let (place, old, _) = try fresh(kind)
    try old.commit(Sample.submission(0))
    let new = try place.reopen()
    #expect(try new.open().epoch == Epoch(2))
    let fault = #expect(throws: StoreFault.self) { try old.commit(Sample.submission(1)) }
    #expect(fault?.kind == .takenOver)
    try new.commit(Sample.submission(1))
    #expect(try new.load(run: RunID(1)) != nil)
  }

  @Test(arguments: StoreKind.allCases)
  func `tidying changes nothing that is read`(_ kind: StoreKind) throws {
    let (place, store, _) = try fresh(kind)
    for run in 0..<300 {
      try store.commit(Sample.submission(Int64(run), tasks: 30_000))
      try store.tidy()
    }
    let before = try #require(try store.load(run: RunID(150))).dump
    let state = try place.reopen().open()
    #expect(state.runs.count == 300 && state.nextRun == RunID(300))
    #expect(state.runs[150].dump == before)
  }
}
