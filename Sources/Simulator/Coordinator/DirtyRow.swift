import Protocol
import Scheduling

/// What a commit is to write of one run, taken from the Scheduler at once; its tasks' bytes lie in the batch.
struct DirtyRow {
  struct Chunk {
    var index: Int32
    /// Among the batch's bytes.
    var bytes: Range<Int>
  }

  let id: RunID
  let state: RunState
  let isKillRequested: Bool
  let hasStarted: Bool
  let latestStop: WallTime
  let taskCount: Int
  /// Tasks that are RUNNING or in RETRY.
  let underWay: Int32
  /// Among the batch's chunks.
  let chunks: Range<Int>
}

extension Batch {
  mutating func add(_ run: borrowing DirtyRun) {
    isPlain = false
    let first = chunks.count
    run.eachChunk { index, taskBytes in
      let from = bytes.count
      for byte in taskBytes { bytes.append(byte) }
      chunks.append(DirtyRow.Chunk(index: index, bytes: from..<bytes.count))
    }
    dirty.append(
      DirtyRow(
        id: run.id, state: run.state, isKillRequested: run.isKillRequested, hasStarted: run.hasStarted,
        latestStop: run.latestStop, taskCount: run.taskCount,
        underWay: run.counts[.running] + run.counts[.retry], chunks: first..<chunks.count))
  }
}
