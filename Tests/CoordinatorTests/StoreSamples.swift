import Protocol
import Scheduling

@testable import Coordinator

/// Rows as the Engine would write them, short to write down in a test.
enum Sample {
  static func row(
    _ run: Int64, _ state: RunState = .queued, tasks: Int32 = 1, counts: [Int32]? = nil
  ) -> RunRow {
    RunRow(
      run: RunID(run), state: state, tag: "tag \(run)", labels: #"{"a":"b"}"#, taskCount: tasks,
      counts: counts ?? [tasks, 0, 0, 0, 0, 0, 0], isKillRequested: false, hasStarted: false,
      submitted: WallTime(nanoseconds: 1000 + run), lastUpdate: WallTime(nanoseconds: 2000 + run),
      latestStop: .none)
  }

  static func submission(_ run: Int64, tasks: Int32 = 1) -> Commit {
    var commit = Commit()
    commit.runsAdded = [RunAdded(run: RunID(run), document: Array("{\"run\":\(run)}".utf8))]
    commit.runs = [row(run, tasks: tasks)]
    commit.runStateChanges = [change(run, .queued)]
    let bytes = [UInt8](repeating: TaskByte(.queued).raw, count: Int(tasks))
    commit.chunks = chunks(run, bytes)
    return commit
  }

  static func chunks(_ run: Int64, _ bytes: [UInt8]) -> [StateChunk] {
    stride(from: 0, to: bytes.count, by: StateChunk.tasks).map { start in
      StateChunk(
        run: RunID(run), index: Int32(start / StateChunk.tasks),
        bytes: Array(bytes[start..<min(bytes.count, start + StateChunk.tasks)]))
    }
  }

  static func change(_ run: Int64, _ state: RunState, at nanoseconds: Int64 = 5) -> RunStateChange {
    RunStateChange(run: RunID(run), time: WallTime(nanoseconds: nanoseconds), state: state)
  }

  static func attempt(
    _ run: Int64, _ task: Int, _ number: Int32 = 1, _ state: AttemptState = .dispatched, fence: Int64? = nil
  ) -> AttemptRow {
    AttemptRow(
      key: TaskKey(RunID(run), TaskIndex(task)), number: AttemptNumber(number),
      fence: Fence(fence ?? 1 << 40 | Int64(task) << 8 | Int64(number)), agent: AgentID(0), state: state,
      isKillRequested: false, start: .none, stop: .none, rc: -1, words: "", cpuMicroseconds: 0,
      peakMemoryKB: 0, stdoutBytes: 0, stderrBytes: 0)
  }

  static func ended(_ run: Int64, _ task: Int, _ number: Int32 = 1, rc: Int32 = 0) -> AttemptRow {
    var row = attempt(run, task, number, rc == 0 ? .completed : .failed)
    row.start = WallTime(nanoseconds: 1_790_000_000_000_000_000 + Int64(task))
    row.stop = WallTime(nanoseconds: 1_790_000_000_004_000_000 + Int64(task))
    row.rc = rc
    row.cpuMicroseconds = 900
    row.peakMemoryKB = 2000
    return row
  }

  static func agent(_ id: Int32, _ name: String) -> AgentRow {
    AgentRow(
      id: AgentID(id), name: name,
      incarnation: Incarnation(directoryID: "d\(id)", bootID: "b\(id)", startNumber: 3),
      capacity: ResourceVector(milliCores: 8500, memoryMB: 16_000),
      labels: ["zone": "north \"1\"", "arch": "x86"], state: .active, software: "caravan-agent 1",
      lastSeen: WallTime(nanoseconds: 77))
  }
}

extension StoredRun {
  /// All of it as text, for comparing.
  var dump: String { "\(row)\n\(parts)\n\(bytes)\n\(histories)\n\(open)" }
}
