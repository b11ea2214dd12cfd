import Protocol
import SQLite

/// A run that has ended, as far as its logs' removal goes.
struct EndedRun: Hashable, Sendable {
  var run: RunID
  var ended: WallTime
}

extension StoreReader {
  /// By their end, then by number, behind `after`; at most `limit`. Those that ended after `calm` are passed over
  /// where an attempt of theirs is still awaited.
  func endedRuns(after: EndedRun?, calm: WallTime, limit: Int) throws(StoreFault) -> [EndedRun] {
    try read { database throws(SQLiteFault) in
      let statement = try database.statement(
        """
        SELECT id, last_update FROM run WHERE state >= 3 AND (last_update, id) > (?, ?)
          AND (last_update <= ? OR NOT EXISTS (SELECT 1 FROM attempt WHERE run = run.id AND is_awaited = 1))
        ORDER BY last_update, id LIMIT ?
        """)
      statement.bind(1, after?.ended.nanoseconds ?? Int64.min)
      statement.bind(2, after?.run.value ?? -1)
      statement.bind(3, calm.nanoseconds)
      statement.bind(4, limit)
      var runs: [EndedRun] = []
      try statement.each { row throws(SQLiteFault) in
        runs.append(
          EndedRun(run: RunID(try row.integer(0)), ended: WallTime(nanoseconds: try row.integer(1))))
      }
      return runs
    }
  }

  /// The highest fence of a run's attempts, in one snapshot with its end: later ones belong to a later life of it.
  /// nil: it has not ended, or was run again since.
  func lastFence(of ended: EndedRun) throws(StoreFault) -> Fence? {
    try read { database throws(SQLiteFault) in
      guard let row = try RunRow.find(ended.run, in: database), row.state.isFinal,
        row.lastUpdate == ended.ended
      else { return nil }
      let statement = try database.statement("SELECT coalesce(max(fence), 0) FROM attempt WHERE run = ?")
      statement.bind(1, ended.run.value)
      return try statement.first { row throws(SQLiteFault) in Fence(row.integer64(0)) }
    }
  }
}
