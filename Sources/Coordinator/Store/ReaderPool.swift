import SQLite
import System

/// Read-only connections to one database file, opened as they are needed and kept: for threads that answer
/// requests. Each read is one short transaction: a snapshot that is held long keeps the log from beginning
/// anew, and it grows.
final class ReaderPool: Sendable {
  /// Connections at most; further readers wait for one.
  static let connections = 8

  private struct State {
    var idle: [Connection] = []
    var opened = 0
  }

  private let path: String
  private let name: String
  private let state = Monitor(State())

  /// - Parameter path: of a file that a writing connection has open.
  init(path: String) {
    self.path = path
    name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// Runs `body` on one snapshot. It may not wait for anything but the disk.
  func read<Result>(
    _ body: (Connection) throws(SQLiteFault) -> Result
  ) throws(StoreFault) -> Result {
    let kept = state.wait(
      until: { !$0.idle.isEmpty || $0.opened < ReaderPool.connections },
      { state in
        if let connection = state.idle.popLast() { return connection as Connection? }
        state.opened += 1
        return nil
      })
    do throws(SQLiteFault) {
      let connection = if let kept { kept } else { try Connection.reading(path) }
      let result = try connection.transaction(.deferred) { () throws(SQLiteFault) in try body(connection) }
      state.signal { $0.idle.append(connection) }
      return result
    } catch {
      // A connection that failed is not used again.
      state.signal { $0.opened -= 1 }
      throw StoreFault(error, doing: "reading \(name)")
    }
  }
}
