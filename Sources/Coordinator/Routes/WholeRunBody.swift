import HTTP
import Protocol
import Scheduling

/// `GET /v1/dagrun/{runid}`: tasks, states, attempts with their logs, and the run's changes, in the order of
/// `dagrun.json`.
///
/// Made piece by piece as the client reads, each piece from short transactions of its own: a run of a million
/// tasks costs some 100 KB here, and a slow reader holds no snapshot. So what changes meanwhile shows with
/// its newer part only; the tasks are those that the run had when the answer began. (One snapshot for the
/// whole answer was rejected: it would keep the database's log from shrinking for as long as the slowest reader
/// likes.)
///
/// `@unchecked Sendable`: a `BodySource` is used by one thread at a time.
final class WholeRunBody: BodySource, @unchecked Sendable {
  private static let pieceBytes = 64 << 10
  private static let attemptPage = 200

  private enum Stage {
    case head
    case tasks
    case states
    case attempts
    case tail
    case end
  }

  private let row: RunRow
  private let layout: RunLayout
  private let reader: StoreReader
  private var stage = Stage.head
  private var writer = JSONWriter(capacity: 2 * pieceBytes)
  private var queue: PieceQueue
  private var tasks: TaskWriter
  private var bytes: TaskBytes
  private var attempts: AttemptPieces
  private var walk: TaskWalk
  private var page: ArraySlice<AttemptRow> = []
  private var isLastPage = false
  private var task: TaskIndex?

  init(
    _ row: RunRow, _ layout: RunLayout, reader: StoreReader, logs: LogReader, show: LogShare
  ) {
    self.row = row
    self.layout = layout
    self.reader = reader
    queue = PieceQueue(logs)
    tasks = TaskWriter(layout)
    bytes = TaskBytes(reader, row.run)
    attempts = AttemptPieces(reader: reader, logs: logs, show: show)
    walk = TaskWalk(layout)
  }

  func next(wake: @escaping @Sendable () -> Void) -> BodyPiece {
    do throws(StoreFault) {
      while queue.bytes.count < Self.pieceBytes, stage != .end || !queue.isEmpty {
        if queue.isEmpty { try step() }
        queue.add([.text(writer.drain())])
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

  /// Writes something more.
  private func step() throws(StoreFault) {
    switch stage {
    case .head:
      writer.beginObject()
      writer.member("runID", row.run.value)
      writer.member("tag", row.tag)
      begin(.tasks, "tasks")
    case .tasks:
      while writer.bytes.count < Self.pieceBytes, let task = walk.next() {
        writer.name(layout.taskName(task))
        tasks.write(task, into: &writer)
      }
      if walk.isAtEnd { next(.states, "taskStates") }
    case .states:
      while writer.bytes.count < Self.pieceBytes, let task = walk.next() {
        writer.member(layout.taskName(task), try bytes.byte(of: task).state.name)
      }
      if walk.isAtEnd { next(.attempts, "taskAttempts") }
    case .attempts: try stepAttempts()
    case .tail:
      try writeTail()
      stage = .end
    case .end: break
    }
  }

  /// One task's name, or one attempt, or a list's end.
  private func stepAttempts() throws(StoreFault) {
    if let task {
      if let row = try attempt(of: task) {
        writer.raw([])
        queue.add([.text(writer.drain())] + (try attempts.pieces(of: row)))
        return
      }
      writer.endArray()
      self.task = nil
    }
    while writer.bytes.count < Self.pieceBytes, let task = walk.next() {
      writer.name(layout.taskName(task))
      writer.beginArray()
      if try attemptPeek(of: task) {
        self.task = task
        return
      }
      writer.endArray()
    }
    if walk.isAtEnd {
      writer.endObject()
      stage = .tail
    }
  }

  private func attemptPeek(of task: TaskIndex) throws(StoreFault) -> Bool {
    while true {
      if let first = page.first {
        // What belongs to tasks that are dropped, or has come since, is passed over.
        if first.key.task >= task { return first.key.task == task }
        page.removeFirst()
      } else if isLastPage {
        return false
      } else {
        // The page ended inside or behind an earlier task: whatever lies between has no live task.
        try turn(to: max(task, lastRead?.task ?? task))
      }
    }
  }

  private var lastRead: (task: TaskIndex, number: AttemptNumber)?

  private func turn(to task: TaskIndex) throws(StoreFault) {
    let number = lastRead?.task == task ? lastRead!.number.value + 1 : 1
    let rows = try reader.attempts(
      of: row.run, from: task, number: AttemptNumber(number), limit: Self.attemptPage)
    isLastPage = rows.count < Self.attemptPage
    page = rows[...]
    if let last = rows.last { lastRead = (last.key.task, last.number) }
  }

  private func attempt(of task: TaskIndex) throws(StoreFault) -> AttemptRow? {
    try attemptPeek(of: task) ? page.removeFirst() : nil
  }

  private func writeTail() throws(StoreFault) {
    let changes = try reader.stateChanges(of: row.run)
    let now = try reader.run(row.run) ?? row
    writer.member("dagStateChanges") {
      $0.array {
        for change in changes {
          $0.object {
            $0.member("time", String(change.time.nanoseconds))
            $0.member("state", change.state.name)
          }
        }
      }
    }
    writer.member("state", now.state.name)
    now.writeFurther(to: &writer)
    writer.endObject()
  }

  private func begin(_ stage: Stage, _ name: String) {
    writer.name(name)
    writer.beginObject()
    self.stage = stage
    walk = TaskWalk(layout)
  }

  private func next(_ stage: Stage, _ name: String) {
    writer.endObject()
    begin(stage, name)
  }
}

/// The tasks of a layout that are not dropped, in order; one at a time.
struct TaskWalk {
  private var ranges: ArraySlice<Range<Int32>>

  init(_ layout: RunLayout) { ranges = layout.liveRanges[...] }

  /// Only those from `first` on.
  init(_ layout: RunLayout, from first: Int32) {
    self.init(layout)
    while let range = ranges.first, range.upperBound <= first { ranges.removeFirst() }
    if let range = ranges.first, range.lowerBound < first {
      ranges[ranges.startIndex] = first..<range.upperBound
    }
  }

  var isAtEnd: Bool { ranges.isEmpty }

  mutating func next() -> TaskIndex? {
    guard let range = ranges.first else { return nil }
    if range.count == 1 {
      ranges.removeFirst()
    } else {
      ranges[ranges.startIndex] = range.lowerBound + 1..<range.upperBound
    }
    return TaskIndex(range.lowerBound)
  }
}
