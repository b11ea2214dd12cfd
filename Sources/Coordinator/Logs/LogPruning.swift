import Protocol
import SQLite

/// What is removed of the logs, in order. A run is marked first, and from then on its logs are gone for whoever asks;
/// its chunks follow in steps, and a process that ends among them goes on at its next start.
enum LogPruning: Sendable {
  /// The run's attempts up to this fence.
  case mark(EndedRun, through: Fence)
  case remove(PrunedAttempt)
  /// Nothing is left of what was marked.
  case finish(RunID)
  /// Free pages go back to the file system: at most so many.
  case giveBack(pages: Int)
}

/// An attempt whose output goes, with what its row in `state.db` says was printed: where that is less (it was lost),
/// the logs keep the number.
struct PrunedAttempt: Sendable {
  var fence: Fence
  var stdoutBytes: Int64
  var stderrBytes: Int64
}

/// How far a step came.
enum PruningResult: Sendable {
  /// So many of the items are done; the next one may be in part.
  case done(Int)
  /// The disk is full: nothing of the step is done.
  case refused
}

/// What readers need to know of a run whose logs were removed.
struct PrunedRun: Hashable, Sendable {
  var ended: EndedRun
  var through: Fence
  var isDone: Bool
}

extension PrunedRun {
  static func find(_ run: RunID, in database: Connection) throws(SQLiteFault) -> PrunedRun? {
    let statement = try database.statement(
      "SELECT run, ended, through, is_done FROM pruned_run WHERE run = ?")
    statement.bind(1, run.value)
    return try statement.first { row throws(SQLiteFault) in try PrunedRun(row) }
  }

  /// Those that are marked and not finished.
  static func unfinished(in database: Connection) throws(SQLiteFault) -> [PrunedRun] {
    var found: [PrunedRun] = []
    try database.statement(
      "SELECT run, ended, through, is_done FROM pruned_run WHERE is_done = 0 ORDER BY run"
    )
    .each { row throws(SQLiteFault) in found.append(try PrunedRun(row)) }
    return found
  }

  private init(_ row: Row) throws(SQLiteFault) {
    ended = EndedRun(run: RunID(try row.integer(0)), ended: WallTime(nanoseconds: try row.integer(1)))
    through = Fence(try row.integer(2))
    isDone = row.boolean(3)
  }
}
