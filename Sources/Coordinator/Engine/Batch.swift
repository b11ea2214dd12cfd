import Protocol
import Scheduling

/// What one turn of the Engine gathers between taking its inputs and telling their results.
struct Batch {
  var commit = Commit()
  /// On the coordinator's wall clock: the same for all of the batch.
  private(set) var wall = WallTime.none
  var heartbeats: [(SessionID, Int64)] = []
  var acknowledgements: [(session: SessionID, fences: [Fence])] = []
  /// Sessions that are ended behind what is said to them.
  var closings: [(session: SessionID, reason: String)] = []
  /// Answers that are ready and wait for the commit.
  var replies: [() -> Void] = []
  /// Where an attempt's latest write stands in `commit.attempts`: a task that starts and ends within a batch
  /// is written once.
  private var writes: [Int64: Int] = [:]

  mutating func begin(at wall: WallTime) {
    self.wall = wall
    commit = Commit()
    heartbeats.removeAll(keepingCapacity: true)
    acknowledgements.removeAll(keepingCapacity: true)
    closings.removeAll(keepingCapacity: true)
    replies.removeAll(keepingCapacity: true)
    writes.removeAll(keepingCapacity: true)
  }

  mutating func insert(_ record: AttemptRecord) {
    writes[record.fence.value] = commit.attempts.count
    commit.attempts.append(.insert(AttemptRow(record)))
  }

  mutating func update(_ record: AttemptRecord) {
    let row = AttemptRow(record)
    guard let at = writes[record.fence.value] else {
      writes[record.fence.value] = commit.attempts.count
      commit.attempts.append(.update(row))
      return
    }
    if case .insert = commit.attempts[at] {
      commit.attempts[at] = .insert(row)
    } else {
      commit.attempts[at] = .update(row)
    }
  }

  mutating func acknowledge(_ fence: Fence, to session: SessionID) {
    if let at = acknowledgements.firstIndex(where: { $0.session == session }) {
      acknowledgements[at].fences.append(fence)
    } else {
      acknowledgements.append((session, [fence]))
    }
  }

  /// When what changes now is shown to have changed: what is shown of a run never goes back.
  func time(of run: Engine.RunInfo) -> WallTime { max(wall, run.notBefore) }

  mutating func add(_ run: borrowing DirtyRun, _ info: Engine.RunInfo) {
    commit.runs.append(
      RunRow(
        run: run.id, state: run.state, tag: info.tag, labels: info.labels, taskCount: Int32(run.taskCount),
        counts: run.counts.all, isKillRequested: run.isKillRequested, hasStarted: run.hasStarted,
        submitted: info.submitted, lastUpdate: time(of: info), latestStop: run.latestStop))
    for (index, bytes) in run.chunks {
      commit.chunks.append(StateChunk(run: run.id, index: index, bytes: bytes))
    }
  }
}

extension AttemptRow {
  init(_ record: AttemptRecord) {
    self.init(
      key: record.key, number: record.number, fence: record.fence, agent: record.agent, state: record.state,
      isKillRequested: record.isKillRequested, isAwaited: record.isAwaited, start: record.start,
      stop: record.stop, rc: record.rc,
      words: record.words, cpuMicroseconds: record.cpuMicroseconds, peakMemoryKB: record.peakMemoryKB,
      stdoutBytes: record.stdoutBytes, stderrBytes: record.stderrBytes)
  }
}

extension AttemptRecord {
  init(_ row: AttemptRow) {
    self.init(
      key: row.key, number: row.number, fence: row.fence, agent: row.agent, state: row.state,
      isKillRequested: row.isKillRequested, start: row.start, stop: row.stop, rc: row.rc, words: row.words)
    isAwaited = row.isAwaited
    cpuMicroseconds = row.cpuMicroseconds
    peakMemoryKB = row.peakMemoryKB
    stdoutBytes = row.stdoutBytes
    stderrBytes = row.stderrBytes
  }
}
