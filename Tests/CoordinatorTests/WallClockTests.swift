import Protocol
import Scheduling
import System
import Testing

@testable import Coordinator

struct WallClockTests {
  @Test func `a run's times do not go back where the clock was ahead before a restart`() throws {
    let folder = TemporaryDirectory()
    let directory = try DataDirectory(folder.path)
    let store = try SQLiteStore(directory, software: "test")
    _ = try store.open()
    let ahead = WallTime(nanoseconds: WallTime.now().nanoseconds + Period.seconds(3600).nanoseconds)
    var commit = Sample.submission(0)
    commit.runsAdded[0].document = Array(#"{"tasks": {"a": {"job": {"command": ["x"]}}}}"#.utf8)
    commit.runs[0].submitted = ahead
    commit.runs[0].lastUpdate = ahead
    commit.runStateChanges[0].time = ahead
    try store.commit(commit)

    let logs = try AttemptLogs(directory, software: "test") { fatalError($0.message) }
    let layouts = LayoutCache()
    let engine = Engine(
      store: store, state: try store.open(), logs: logs, layouts: layouts, disk: DiskWatch(directory),
      settings: EngineSettings(), onFailure: { fatalError($0.message) })
    engine.post(.command(.kill(RunID(0))) { _ in })
    engine.stop()
    engine.run()
    logs.close()

    let reader = StoreReader(directory, layouts: layouts)
    let changes = try reader.stateChanges(of: RunID(0))
    #expect(changes.map(\.state) == [.queued, .killed])
    #expect(changes.allSatisfy { $0.time >= ahead })
    #expect(try #require(try reader.run(RunID(0))).lastUpdate >= ahead)
  }
}
