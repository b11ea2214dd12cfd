import Protocol

/// One of the two streams of one attempt.
struct LogStream: Hashable, Sendable {
  var fence: Fence
  var stream: OutputStream
  init(_ fence: Fence, _ stream: OutputStream) {
    self.fence = fence
    self.stream = stream
  }
}

/// Some bytes of a stream. `offset` counts what the attempt printed, cut away or not.
struct OutputPiece: Sendable {
  var stream: LogStream
  var offset: Int64
  var bytes: [UInt8]
  init(_ stream: LogStream, offset: Int64, _ bytes: [UInt8]) {
    self.stream = stream
    self.offset = offset
    self.bytes = bytes
  }
  var end: Int64 { offset + Int64(bytes.count) }
}

/// Where a stream ends at present.
struct LogEnd: Hashable, Sendable {
  /// Bytes that are kept, marks of cuts included: what readers count.
  var kept: Int64 = 0
  /// Bytes that were printed, what was cut away included: what agents count.
  var printed: Int64 = 0
  /// How often something was cut away.
  var cuts: Int32 = 0
}

extension Schema {
  /// `logs.db`: one row a chunk of output, by its place among the bytes that are kept. Where an agent cut
  /// something away, a chunk says so in words instead, so that readers have one gapless text.
  ///
  /// Without a rowid: most streams are one small chunk, and then a table with a rowid and an index beside
  /// it wrote 0.65 to 0.7 of the chunks a second and took 1.25 times the space. With chunks of 64 KiB the
  /// two are alike. (Free pages can be given back to the file system: `LogPruner`.) Pages of 16 KiB instead of 4 gained 20 to 40 % there and lost 10 to 20 % at small ones.
  static let logs = Schema(
    name: "logs.db", applicationID: 0x4361_726c,
    steps: [
      """
      CREATE TABLE chunk (
        fence INTEGER NOT NULL CHECK (fence > 0),
        stream INTEGER NOT NULL CHECK (stream IN (1, 2)),
        offset INTEGER NOT NULL CHECK (offset >= 0),
        -- What the attempt had printed at the chunk's end, less offset + length(bytes).
        lead INTEGER NOT NULL,
        cuts INTEGER NOT NULL CHECK (cuts >= 0),
        bytes BLOB NOT NULL CHECK (length(bytes) > 0),
        PRIMARY KEY (fence, stream, offset),
        CHECK (cuts > 0 OR lead = 0)
      ) STRICT, WITHOUT ROWID
      """,
      """
      CREATE TABLE meta (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        -- Commits of this file so far: see CommitMark.
        commits INTEGER NOT NULL CHECK (commits >= 0)
      ) STRICT;
      INSERT INTO meta VALUES (1, 0)
      """,
      """
      -- Runs whose output was removed, for whoever asks for it.
      CREATE TABLE pruned_run (
        run INTEGER PRIMARY KEY CHECK (run >= 0),
        -- That of attempts up to this fence; later ones belong to a later life of the run.
        through INTEGER NOT NULL CHECK (through >= 0),
        -- The end of the run that it was removed after.
        ended INTEGER NOT NULL,
        -- 0: there may be chunks left of it.
        is_done INTEGER NOT NULL CHECK (is_done IN (0, 1))
      ) STRICT;
      CREATE INDEX pruned_run_unfinished ON pruned_run (run) WHERE is_done = 0;
      -- How much was printed, where the attempt's row does not tell it: it was lost.
      CREATE TABLE pruned_stream (
        fence INTEGER NOT NULL CHECK (fence > 0),
        stream INTEGER NOT NULL CHECK (stream IN (1, 2)),
        printed INTEGER NOT NULL CHECK (printed > 0),
        PRIMARY KEY (fence, stream)
      ) STRICT, WITHOUT ROWID
      """,
    ], countsCommitsFrom: 2, givesBackSpace: true)
}
