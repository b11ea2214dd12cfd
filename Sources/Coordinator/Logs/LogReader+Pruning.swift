import Protocol
import SQLite

extension LogReader {
  /// What there is of an attempt's stream.
  struct Found: Hashable, Sendable {
    /// Nothing where it was removed.
    var kept: Int64
    /// What the attempt printed, as far as anybody knows.
    var printed: Int64
    var cuts: Int32
    /// It printed something, and that was removed for its age or for room.
    var isPruned: Bool
  }

  func find(_ row: AttemptRow, _ stream: OutputStream) throws(StoreFault) -> Found {
    let told = stream == .stdout ? row.stdoutBytes : row.stderrBytes
    return try read { database throws(SQLiteFault) in
      let own = LogStream(row.fence, stream)
      let end = try LogReader.end(of: own, in: database)
      let printed = max(told, end.printed)
      guard let pruned = try PrunedRun.find(row.key.run, in: database), row.fence <= pruned.through else {
        return Found(kept: end.kept, printed: printed, cuts: end.cuts, isPruned: false)
      }
      let all = max(printed, try LogReader.number(of: own, in: database))
      return Found(kept: 0, printed: all, cuts: 0, isPruned: all > 0)
    }
  }

  private static func number(of stream: LogStream, in database: Connection) throws(SQLiteFault) -> Int64 {
    let statement = try database.statement("SELECT printed FROM pruned_stream WHERE fence = ? AND stream = ?")
    statement.bind(1, stream.fence.value)
    statement.bind(2, stream.stream.rawValue)
    return try statement.first { row throws(SQLiteFault) in row.integer64(0) } ?? 0
  }

  // MARK: For whoever removes them

  func pruned(_ run: RunID) throws(StoreFault) -> PrunedRun? {
    try read { database throws(SQLiteFault) in try PrunedRun.find(run, in: database) }
  }

  func unfinished() throws(StoreFault) -> [PrunedRun] {
    try read { database throws(SQLiteFault) in try PrunedRun.unfinished(in: database) }
  }

  /// How `logs.db` is filled, in bytes.
  struct Room: Hashable, Sendable {
    var used: Int64
    /// In the file, for what is written next.
    var free: Int64
    var pageBytes: Int64
    /// Free pages can be given back: so it is in files that were made by a version that asks for it.
    var givesBack: Bool
  }

  func room() throws(StoreFault) -> Room {
    let room = try read { database throws(SQLiteFault) in
      try database.statement(
        """
        SELECT page_count, freelist_count, page_size, auto_vacuum
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size, pragma_auto_vacuum
        """
      ).first { row throws(SQLiteFault) in
        let size = row.integer64(2)
        return Room(
          used: (row.integer64(0) - row.integer64(1)) * size, free: row.integer64(1) * size, pageBytes: size,
          givesBack: row.integer64(3) == 2)
      }
    }
    return room ?? Room(used: 0, free: 0, pageBytes: 4096, givesBack: false)
  }
}
