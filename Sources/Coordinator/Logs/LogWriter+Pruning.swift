import Protocol
import SQLite
import System

extension LogWriter {
  /// Does the first items in one transaction, as many as a step may: `LogLimits`.
  func prune(_ items: [LogPruning]) throws(StoreFault) -> PruningResult {
    do {
      let written = try storing("removing logs from \(path)") { () throws(SQLiteFault) in
        try Failpoint.logsPruneBefore.pass(or: SQLiteFault.injectedFull)
        let written = try database.transaction(.immediate) { () throws(SQLiteFault) in
          (count: try perform(items), commits: try countUp())
        }
        try Failpoint.logsPruneAfter.pass(or: SQLiteFault.injectedInputOutput)
        return written
      }
      acknowledge(written.commits)
      if case .giveBack = items.first { try settle() }
      return .done(written.count)
    } catch {
      if error.kind == .full { return .refused }
      throw error
    }
  }

  private func perform(_ items: [LogPruning]) throws(SQLiteFault) -> Int {
    var left = LogLimits.bytesPerStep
    for (index, item) in items.enumerated() {
      if left <= 0 || index == LogLimits.attemptsPerStep { return index }
      switch item {
      case .mark(let ended, let through): try mark(ended, through)
      case .remove(let attempt): if try !remove(attempt, upTo: &left) { return index }
      case .finish(let run): try finish(run)
      case .giveBack(let pages): try database.execute("PRAGMA incremental_vacuum(\(pages))")
      }
    }
    return items.count
  }

  private func mark(_ ended: EndedRun, _ through: Fence) throws(SQLiteFault) {
    let statement = try database.statement("INSERT OR REPLACE INTO pruned_run VALUES (?, ?, ?, 0)")
    statement.bind(1, ended.run.value)
    statement.bind(2, through.value)
    statement.bind(3, ended.ended.nanoseconds)
    try statement.run()
  }

  private func finish(_ run: RunID) throws(SQLiteFault) {
    let statement = try database.statement("UPDATE pruned_run SET is_done = 1 WHERE run = ?")
    statement.bind(1, run.value)
    try statement.run()
  }

  /// Answers whether nothing is left of it.
  private func remove(_ attempt: PrunedAttempt, upTo left: inout Int) throws(SQLiteFault) -> Bool {
    for (stream, known) in [(OutputStream.stdout, attempt.stdoutBytes), (.stderr, attempt.stderrBytes)] {
      let stream = LogStream(attempt.fence, stream)
      let end = try LogReader.end(of: stream, in: database)
      if end.kept == 0 { continue }
      // What was printed is told by the last chunk, which goes first.
      if end.printed > known { try keepNumber(end.printed, of: stream) }
      forget(stream)
      if try !removeChunks(of: stream, upTo: &left) { return false }
    }
    return true
  }

  /// From the end down: whoever reads meanwhile sees the end of what there is, never a gap.
  private func removeChunks(of stream: LogStream, upTo left: inout Int) throws(SQLiteFault) -> Bool {
    let last = try database.statement(
      "SELECT offset, length(bytes) FROM chunk WHERE fence = ? AND stream = ? ORDER BY offset DESC LIMIT 1")
    let delete = try database.statement("DELETE FROM chunk WHERE fence = ? AND stream = ? AND offset = ?")
    while left > 0 {
      last.bind(1, stream.fence.value)
      last.bind(2, stream.stream.rawValue)
      let found: (offset: Int64, bytes: Int)? = try last.first { row throws(SQLiteFault) in
        (try row.integer(0), try row.integer(1))
      }
      guard let found else { return true }
      delete.bind(1, stream.fence.value)
      delete.bind(2, stream.stream.rawValue)
      delete.bind(3, found.offset)
      try delete.run()
      left -= found.bytes
    }
    return false
  }

  private func keepNumber(_ printed: Int64, of stream: LogStream) throws(SQLiteFault) {
    let statement = try database.statement(
      """
      INSERT INTO pruned_stream VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET printed = max(printed, ?3)
      """)
    statement.bind(1, stream.fence.value)
    statement.bind(2, stream.stream.rawValue)
    statement.bind(3, printed)
    try statement.run()
  }
}
