import HTTP
import Protocol

/// The attempts of one task as a JSON array.
///
/// `@unchecked Sendable`: a `BodySource` is used by one thread at a time.
final class AttemptListBody: BodySource, @unchecked Sendable {
  private static let pieceBytes = 64 << 10
  private var rows: ArraySlice<AttemptRow>
  private var attempts: AttemptPieces
  private var queue: PieceQueue
  private var isBegun = false
  private var isEnded = false

  init(_ rows: [AttemptRow], _ attempts: AttemptPieces) {
    self.rows = rows[...]
    self.attempts = attempts
    queue = PieceQueue(attempts.logs)
  }

  func next(wake: @escaping @Sendable () -> Void) -> BodyPiece {
    do throws(StoreFault) {
      while queue.bytes.count < Self.pieceBytes, !isEnded || !queue.isEmpty {
        if queue.isEmpty {
          if let row = rows.popFirst() {
            queue.add([.text(Array((isBegun ? "," : "[").utf8))] + (try attempts.pieces(of: row)))
          } else {
            queue.add([.text(Array((isBegun ? "]" : "[]").utf8))])
            isEnded = true
          }
          isBegun = true
        }
        try queue.fill(enough: Self.pieceBytes)
      }
    } catch {
      return .failed
    }
    if queue.bytes.isEmpty { return .end }
    defer { queue.bytes = [] }
    return .bytes(queue.bytes)
  }

  func close() {}
}
