public import Protocol

/// What of a run must be written. Lent, and not to be kept: the run's bytes are in it while it is looked at.
public struct DirtyRun: ~Copyable {
  public let id: RunID
  public let state: RunState
  public let isKillRequested: Bool
  public let hasStarted: Bool
  public let latestStop: WallTime
  /// Dropped tasks left out.
  public let counts: TaskCounts
  /// Every task's, by the dense index, dropped tasks included.
  var bytes: [TaskByte]
  var dirtyChunks: [Int32]

  /// Length of the dense index, dropped tasks included.
  public var taskCount: Int { bytes.count }

  /// Chunks that changed, with their bytes.
  public var chunks: [(index: Int32, bytes: [UInt8])] {
    var chunks: [(index: Int32, bytes: [UInt8])] = []
    eachChunk { chunks.append(($0, $1.map(\.raw))) }
    return chunks
  }

  /// The same without copies: the number of each and its tasks' bytes.
  public func eachChunk(_ body: (_ index: Int32, _ bytes: ArraySlice<TaskByte>) -> Void) {
    for chunk in dirtyChunks {
      let from = Int(chunk) * Scheduler.chunkTasks
      body(chunk, bytes[from..<min(bytes.count, from + Scheduler.chunkTasks)])
    }
  }
}
