import Protocol
import System

/// Removes the output of runs that ended long ago, or that no room is left for: oldest end first, a whole run at a time,
/// while the coordinator serves.
///
/// ```
/// state.db: runs by their end ──▶ mark ──▶ attempts, a page at a time ──▶ remove … ──▶ finish      (logs.db, in steps)
/// ```
/// A thread of its own ("prune") decides, and reads past the Engine; the logs' writer removes, in steps of a few
/// milliseconds behind the output that waits, and as long again is left between two of them. So nothing waits for it
/// but the next step. Which runs are marked is in `logs.db` itself, in one transaction with what is removed: a process
/// that ends midway goes on at its next start, and whoever asks is told the truth at every moment.
///
/// (A mark at each run in `state.db` was rejected: the Engine would have to write it, and two databases to agree.
/// So was removing single attempts by their age: a run of a month would lose its beginning while it runs.)
///
/// What is removed makes room for what is printed next; beyond `LogLimits.spareBytes` it goes back to the file system.
final class LogPruner: Sendable {
  struct Figures: Hashable, Sendable {
    var runs = 0
    var givenBackBytes: Int64 = 0
    /// More is kept than is to be, and nothing of it may go.
    var isOver = false
  }

  /// How often the journal tells of it.
  private static let tellInterval = Period.seconds(3600)

  private struct State {
    var isStopping = false
    var result: PruningResult?
  }

  private let limits: LogLimits
  private let spareBytes: Int64
  private let reader: StoreReader
  private let logs: AttemptLogs
  private let state = Monitor(State())
  private let thread = Monitor<Thread?>(nil)

  /// - Parameter spareBytes: other than `LogLimits.spareBytes` in tests.
  init(_ limits: LogLimits, reader: StoreReader, logs: AttemptLogs, spareBytes: Int64 = LogLimits.spareBytes)
  {
    self.limits = limits
    self.spareBytes = spareBytes
    self.reader = reader
    self.logs = logs
  }

  /// Begins the thread. It goes on with what an earlier process left, also where nothing is limited any more.
  func begin() {
    let made = Thread(name: "prune") { [self] in run() }
    thread.with { $0 = made }
  }

  /// Ends after the step under way. To be called before the logs are closed.
  func stop() {
    state.signal { $0.isStopping = true }
    thread.join()
  }

  private func run() {
    var clock = BelievedClock(.now(), at: .now())
    var walk = RunWalk()
    var removals = JournalThrottle(interval: Self.tellInterval)
    var overflows = JournalThrottle(interval: Self.tellInterval)
    var troubles = JournalThrottle()
    var untold = 0
    repeat {
      do throws(StoreFault) {
        let figures = try pass(&walk, now: clock.time(.now(), at: .now()))
        untold += figures.runs
        if untold > 0 {
          removals.say("the logs of \(untold) ended runs were removed (--keep-logs-days, --keep-logs-mb)") {
            Journal.say($0)
            untold = 0
          }
        }
        if figures.isOver {
          overflows.say("more logs are kept than --keep-logs-mb says: all are of runs that have not ended")
        }
      } catch {
        troubles.say("logs are not removed at present: \(error.message)")
      }
    } while !state.wait(upTo: limits.interval, until: \.isStopping, \.isStopping)
  }

  // MARK: A pass

  /// Where the walk through ended runs stands.
  struct RunWalk {
    fileprivate var last: EndedRun?
    fileprivate var page: ArraySlice<EndedRun> = []
    fileprivate var began: Instant?
  }

  /// Removes what is to go now.
  func pass(_ walk: inout RunWalk, now: WallTime) throws(StoreFault) -> Figures {
    var figures = Figures()
    for run in try logs.reader.unfinished() {
      // It was run again meanwhile: it goes on when that has ended.
      guard try reader.run(run.ended.run)?.state.isFinal == true else { continue }
      if try !remove(run) { return figures }
      figures.runs += 1
    }
    if limits.keepsAll { return try giveBack(&figures) }
    if walk.began.map({ Instant.now() - $0 >= LogLimits.rewalkInterval }) ?? true {
      walk = RunWalk()
      walk.began = .now()
    }
    while let next = try peek(&walk, now: now), try isDue(next, now: now) {
      walk.page.removeFirst()
      walk.last = next
      if let before = try logs.reader.pruned(next.run), before.ended == next { continue }
      guard let last = try reader.lastFence(of: next) else { continue }
      if try !remove(PrunedRun(ended: next, through: last, isDone: false), marks: true) { return figures }
      figures.runs += 1
    }
    if let bytes = limits.bytes { figures.isOver = try logs.reader.room().used > bytes }
    return try giveBack(&figures)
  }

  private func peek(_ walk: inout RunWalk, now: WallTime) throws(StoreFault) -> EndedRun? {
    if walk.page.isEmpty {
      let calm = WallTime(nanoseconds: now.nanoseconds &- LogLimits.awaitedFor.nanoseconds)
      walk.page = try reader.endedRuns(after: walk.last, calm: calm, limit: LogLimits.page)[...]
    }
    return walk.page.first
  }

  private func isDue(_ run: EndedRun, now: WallTime) throws(StoreFault) -> Bool {
    if let age = limits.age, now.nanoseconds &- run.ended.nanoseconds >= age.nanoseconds { return true }
    if let bytes = limits.bytes { return try logs.reader.room().used > bytes }
    return false
  }

  /// Answers false where it ended early: it is to stop, or the disk took nothing.
  private func remove(_ run: PrunedRun, marks: Bool = false) throws(StoreFault) -> Bool {
    var items: [LogPruning] = marks ? [.mark(run.ended, through: run.through)] : []
    var next: (task: TaskIndex, number: Int32)? = (TaskIndex(0), 1)
    while let from = next {
      let rows = try reader.attempts(
        of: run.ended.run, from: from.task, number: AttemptNumber(from.number), limit: LogLimits.page)
      for row in rows where row.fence <= run.through {
        items.append(
          .remove(PrunedAttempt(fence: row.fence, stdoutBytes: row.stdoutBytes, stderrBytes: row.stderrBytes))
        )
      }
      next = rows.count < LogLimits.page ? nil : rows.last.map { ($0.key.task, $0.number.value + 1) }
      // Where it was run again meanwhile, attempts may have moved past this walk: it is done once more when that has
      // ended.
      if next == nil, try reader.run(run.ended.run)?.state.isFinal == true {
        items.append(.finish(run.ended.run))
      }
      if try !perform(&items) { return false }
    }
    return true
  }

  private func giveBack(_ figures: inout Figures) throws(StoreFault) -> Figures {
    while true {
      let room = try logs.reader.room()
      let pages = min(Int64(LogLimits.pagesPerStep), (room.free - spareBytes) / room.pageBytes)
      if !room.givesBack || pages <= 0 { return figures }
      var items = [LogPruning.giveBack(pages: Int(pages))]
      if try !perform(&items) { return figures }
      figures.givenBackBytes += pages * room.pageBytes
    }
  }

  /// In steps, with a pause behind each as long as it took.
  private func perform(_ items: inout [LogPruning]) throws(StoreFault) -> Bool {
    while !items.isEmpty {
      let began = Instant.now()
      state.with { $0.result = nil }
      logs.prune(items) { [self] result in state.signal { $0.result = result } }
      let result = state.wait(until: { $0.result != nil || $0.isStopping }, \.result)
      guard case .done(let count) = result else { return false }
      items.removeFirst(count)
      if state.wait(upTo: Instant.now() - began, until: \.isStopping, \.isStopping) { return false }
    }
    return true
  }
}
