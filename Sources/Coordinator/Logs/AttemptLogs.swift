import Protocol
import SQLite
import System

/// The output of attempts, in `logs.db`: each stream whole and in order, as printed.
///
/// A thread of its own writes: it takes all that waits, commits it in one transaction with a full sync, and
/// tells each caller. So many sessions share a sync under load, and nobody waits for company when idle.
/// Output is apart from the state because its amount is another: a task that prints a gigabyte must not
/// stand between a result and its acknowledgement. (In one database they would share the sync, but also
/// the writer.)
///
/// Nothing here blocks its caller. What waits to be written is bounded in bytes: past the bound `append`
/// still takes what it is given, since the bytes are in memory already, and answers that there is no room:
/// the session stops reading its connection until `whenRoom` calls. So memory holds the bound and one
/// frame of each session, at most.
final class AttemptLogs: Sendable {
  /// Bytes that may wait to be written before sessions are asked to pause.
  static let queuedBytes = 32 << 20
  /// The same while the disk takes nothing. More, since a session that pauses does not hear its agent's
  /// heartbeats, and agents send at most 256 KiB of a stream ahead of what is committed: here that is 1,024
  /// streams'.
  static let queuedBytesWhenFull = 256 << 20

  enum Room: Sendable { case room, full }

  /// Read past the writer, by any thread.
  let reader: LogReader
  /// Whoever waits for more of a stream.
  let followers: LogFollowers

  private struct Pruning {
    var items: [LogPruning]
    var then: @Sendable (PruningResult) -> Void
  }

  private struct Queue {
    var work: [LogWork] = []
    /// Of `work` and of what is being written now.
    var bytes = 0
    /// To be called once there is room.
    var waiting: [@Sendable () -> Void] = []
    var bound: Int
    /// What is to be removed, behind all output that waits.
    var pruning: Pruning?
    /// It takes no more: it was closed, or a write failed.
    var isClosed = false
  }

  private let queue: Monitor<Queue>
  private let bound: Int
  private let disk: DiskWatch
  private let onFault: @Sendable (StoreFault) -> Void
  private let thread: Monitor<Thread?>

  /// - Parameters:
  ///   - software: this program and its version, for the schema's history.
  ///   - queuedBytes: the bound on what waits.
  ///   - disk: told when it takes nothing; what was refused is tried again then.
  ///   - onFault: called once, by the writing thread, if it cannot write for another reason; nothing is taken
  ///     after that.
  init(
    _ directory: DataDirectory, software: String, queuedBytes: Int = AttemptLogs.queuedBytes,
    disk: DiskWatch? = nil, onFault: @escaping @Sendable (StoreFault) -> Void
  ) throws(StoreFault) {
    bound = queuedBytes
    queue = Monitor(Queue(bound: queuedBytes))
    self.disk = disk ?? DiskWatch(directory)
    self.onFault = onFault
    followers = LogFollowers()
    let writer = try LogWriter(directory, software: software)
    reader = LogReader(path: directory.file("logs.db"))
    thread = Monitor(nil)
    let made = Thread(name: "logs") { [self] in write(with: writer) }
    thread.with { $0 = made }
  }

  /// Hands over output, in order. What is stored already (an agent sends again after it reconnected) is
  /// dropped; a gap before a piece is a cut, and marked in words.
  ///
  /// - Parameter then: called by the writing thread once all of it is on stable storage, and all that was
  ///   appended before: only then may it be acknowledged, and an end that follows it be handled. Must be
  ///   short. Never called if the write fails.
  @discardableResult
  func append(_ pieces: [OutputPiece], then: @escaping @Sendable () -> Void) -> Room {
    enqueue(LogWork(pieces: pieces, then: then))
  }

  /// Forgets all output of these attempts.
  func delete(_ fences: [Fence], then: @escaping @Sendable () -> Void) {
    enqueue(LogWork(deleted: fences, then: then))
  }

  /// Removes logs, as many of these items as one step may, once all output that waits is written. One at a time.
  ///
  /// - Parameter then: called by the writing thread; must be short. Never called if the write fails, or after `close`.
  func prune(_ items: [LogPruning], then: @escaping @Sendable (PruningResult) -> Void) {
    queue.signal { queue in
      if queue.isClosed { return }
      precondition(queue.pruning == nil, "logs are removed by one thread, one step at a time")
      queue.pruning = Pruning(items: items, then: then)
    }
  }

  /// Calls `wake` once there is room: at once, where there is some now.
  func whenRoom(_ wake: @escaping @Sendable () -> Void) {
    let isNow = queue.with { queue in
      if queue.bytes > queue.bound { queue.waiting.append(wake) }
      return queue.bytes <= queue.bound
    }
    if isNow { wake() }
  }

  /// Writes what was handed over, then ends the thread. Nothing is taken any more.
  func close() {
    queue.signal { $0.isClosed = true }
    thread.join()
  }

  @discardableResult
  private func enqueue(_ work: LogWork) -> Room {
    var room = Room.room
    queue.signal { queue in
      if queue.isClosed { return }
      queue.work.append(work)
      queue.bytes += work.bytes
      if queue.bytes > queue.bound { room = .full }
    }
    return room
  }

  // MARK: The writing thread

  private func write(with writer: LogWriter) {
    while true {
      let (work, pruning) = queue.wait(
        until: { !$0.work.isEmpty || $0.pruning != nil || $0.isClosed },
        { queue in
          defer {
            queue.work = []
            queue.pruning = nil
          }
          return (queue.work, queue.pruning)
        })
      if work.isEmpty && pruning == nil { return }
      do throws(StoreFault) {
        let grown = try writeOrHold(work, with: writer)
        for item in work { item.then() }
        followers.wake(grown)
        release(work.reduce(0) { $0 + $1.bytes })
        if let pruning { pruning.then(try writer.prune(pruning.items)) }
        try writer.tidy()
      } catch {
        queue.with { queue in
          queue.isClosed = true
          queue.work = []
        }
        return onFault(error)
      }
    }
  }

  /// A full disk has taken nothing of it: it is tried again until it is taken.
  private func writeOrHold(_ work: [LogWork], with writer: LogWriter) throws(StoreFault) -> [LogStream] {
    do throws(StoreFault) { return try writer.write(work) } catch { if error.kind != .full { throw error } }
    disk.writeWasRefused()
    setBound(max(bound, Self.queuedBytesWhenFull))
    defer {
      disk.writeWasTaken()
      setBound(bound)
    }
    while true {
      let isClosed = queue.wait(upTo: disk.limits.retry, until: \.isClosed, \.isClosed)
      do throws(StoreFault) { return try writer.write(work) } catch {
        if error.kind != .full || isClosed { throw error }
      }
    }
  }

  private func setBound(_ bound: Int) {
    queue.with { $0.bound = bound }
    release(0)
  }

  private func release(_ bytes: Int) {
    let woken = queue.with { queue in
      queue.bytes -= bytes
      // Half of the bound, lest each commit wakes everybody for one frame each.
      guard queue.bytes <= queue.bound / 2 else { return [] as [@Sendable () -> Void] }
      let woken = queue.waiting
      queue.waiting = []
      return woken
    }
    for wake in woken { wake() }
  }
}

/// What the writing thread is asked for.
struct LogWork: Sendable {
  var pieces: [OutputPiece] = []
  var deleted: [Fence] = []
  var then: @Sendable () -> Void

  var bytes: Int { pieces.reduce(0) { $0 + $1.bytes.count } }
}
