import Protocol
import Scheduling

/// `logs.db` and the thread that writes it, as `AttemptLogs` and `LogWriter` have them: what waits is written in
/// one transaction, and only then told.
struct LogDisk: ~Copyable {
  struct Piece {
    var fence: Fence
    var attempt: Int
    var offset: Int64
    var count: Int64
  }

  struct Work {
    var connection: Int
    /// Among those of its queue.
    var pieces: Range<Int>
    /// Among its queue's: what must not be known before all of that is on the disk.
    var after: Range<Int>
    /// The session is over.
    var closes = false
  }

  /// Work with what belongs to it, in arrays that are filled again and again.
  struct Queue {
    private(set) var works: [Work] = []
    private(set) var pieces: [Piece] = []
    private(set) var after: [ToCoordinator] = []

    mutating func append(_ connection: Int, _ pieces: [Piece], after: [ToCoordinator], closes: Bool = false) {
      let firstPiece = self.pieces.count
      for piece in pieces { self.pieces.append(piece) }
      let firstAfter = self.after.count
      for message in after { self.after.append(message) }
      works.append(
        Work(
          connection: connection, pieces: firstPiece..<self.pieces.count,
          after: firstAfter..<self.after.count,
          closes: closes))
    }

    mutating func empty() {
      works.empty()
      pieces.empty()
      after.empty()
    }
  }

  var waiting = Queue()
  var writing = Queue()
  var isWriting = false
  /// By the oracle's numbers of attempts: bytes of each log, and how many of those were cut away.
  private(set) var ends: [Int64] = []
  private(set) var cuts: [Int64] = []

  mutating func reset() {
    ends.empty()
    cuts.empty()
    stop()
  }

  /// The process is gone, and what was not written.
  mutating func stop() {
    waiting.empty()
    writing.empty()
    isWriting = false
  }

  func end(_ attempt: Int) -> Int64 { attempt < ends.count ? ends[attempt] : 0 }
  func cut(_ attempt: Int) -> Int64 { attempt < cuts.count ? cuts[attempt] : 0 }

  /// What is being written is on the disk.
  mutating func commit() {
    for i in writing.pieces.indices { add(writing.pieces[i]) }
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
