import Protocol

/// `logs.db` and the thread that writes it, as `AttemptLogs` and `LogWriter` have them: what waits is written in
/// one transaction, and only then told.
struct LogDisk {
  struct Piece {
    var fence: Fence
    var attempt: Int
    var offset: Int64
    var count: Int64
  }

  struct Work {
    var connection: Int
    var pieces: [Piece] = []
    /// What must not be known before all of that is on the disk.
    var after: [ToCoordinator] = []
    /// The session is over.
    var closes = false
  }

  var waiting: [Work] = []
  var writing: [Work] = []
  var isWriting = false
  /// By the oracle's numbers of attempts: bytes of each log, and how many of those were cut away.
  private(set) var ends: [Int64] = []
  private(set) var cuts: [Int64] = []

  mutating func reset() {
    ends.removeAll(keepingCapacity: true)
    cuts.removeAll(keepingCapacity: true)
    stop()
  }

  /// The process is gone, and what was not written.
  mutating func stop() {
    waiting.removeAll(keepingCapacity: true)
    writing.removeAll(keepingCapacity: true)
    isWriting = false
  }

  func end(_ attempt: Int) -> Int64 { attempt < ends.count ? ends[attempt] : 0 }
  func cut(_ attempt: Int) -> Int64 { attempt < cuts.count ? cuts[attempt] : 0 }

  /// What is being written is on the disk.
  mutating func commit() {
    for work in writing { for piece in work.pieces { add(piece) } }
  }

  private mutating func add(_ piece: Piece) {
    while ends.count <= piece.attempt {
      ends.append(0)
      cuts.append(0)
    }
    let end = piece.offset + piece.count
    if end <= ends[piece.attempt] { return }
    cuts[piece.attempt] += max(0, piece.offset - ends[piece.attempt])
    ends[piece.attempt] = end
  }
}
