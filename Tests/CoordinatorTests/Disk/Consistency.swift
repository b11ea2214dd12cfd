import Protocol
import SQLite
import Scheduling
import System

@testable import Coordinator

/// What a data directory's rows must say of each other, asked in SQL and of the Scheduler; in words, nil
/// where it holds.
enum Consistency {
  static func fault(of store: SQLiteStore, logs: LogWriter) throws -> String? {
    let rows = try rowFault(store.database)
    if let rows { return rows }
    let state = try store.open()
    var runs: [RestoredRun] = []
    for run in state.runs { runs.append(try run.restored().run) }
    let scheduler = Scheduler(
      restoring: RestoredState(
        agents: state.agents.map {
          RestoredAgent(name: $0.name, incarnation: $0.incarnation, capacity: $0.capacity, state: $0.state)
        }, runs: runs), epoch: state.epoch, at: Instant(nanoseconds: 0))
    if let broken = scheduler.brokenInvariant() { return broken }
    return try logFault(store.database, logs.database)
  }

  /// State bytes, counts and attempts tell the same.
  private static func rowFault(_ database: Connection) throws -> String? {
    var runs: [RunRow] = []
    let all = try database.prepare("SELECT * FROM run")
    try all.each { row throws(SQLiteFault) in runs.append(try RunRow(row)) }
    for run in runs {
      let stored = try StoredRun(run, from: database)
      guard stored.bytes.count == Int(run.taskCount) else {
        return "run \(run.run) has \(stored.bytes.count) bytes"
      }
      var counts = [Int32](repeating: 0, count: TaskState.allCases.count)
      for raw in stored.bytes { counts[Int(TaskByte(raw: raw).state.rawValue)] += 1 }
      if counts != run.counts { return "run \(run.run) counts \(run.counts), its bytes \(counts)" }
      var completed = [Int](repeating: 0, count: stored.bytes.count)
      var alive = completed
      let attempts = try database.prepare("SELECT * FROM attempt WHERE run = \(run.run.value)")
      try attempts.each { row throws(SQLiteFault) in
        let attempt = try AttemptRow(row)
        if attempt.state == .completed { completed[Int(attempt.key.task.value)] += 1 }
        if attempt.state.isAlive { alive[Int(attempt.key.task.value)] += 1 }
      }
      for (task, raw) in stored.bytes.enumerated() {
        let byte = TaskByte(raw: raw)
        if completed[task] != (byte.state == .completed ? 1 : 0) || alive[task] != (byte.isAlive ? 1 : 0) {
          return
            "task \(task) of run \(run.run) is \(byte), with \(completed[task]) ends and \(alive[task]) alive"
        }
      }
    }
    return nil
  }

  /// What an attempt printed is there once its end is.
  private static func logFault(_ state: Connection, _ logs: Connection) throws -> String? {
    var fault: String?
    try state.prepare("SELECT fence, stdout_bytes FROM attempt WHERE state IN (2, 3)").each {
      row throws(SQLiteFault) in
      let end = try LogReader.end(of: LogStream(Fence(row.integer64(0)), .stdout), in: logs)
      if end.printed != row.integer64(1) {
        fault = "attempt \(row.integer64(0)) printed \(row.integer64(1)) bytes, and \(end.printed) are there"
      }
    }
    return fault
  }
}
