import Protocol
import Scheduling

/// What one turn of the Engine gathers between taking its inputs and telling their results.
struct Batch {
  /// What the Engine did beside the Scheduler's effects, and where among them.
  enum Mark {
    case submitted(RunID)
    case command(request: Int)
    case joined(RunID, part: Int, moved: [(from: TaskIndex, to: TaskIndex)])
  }

  /// Never given twice.
  private(set) var number = 0
  private(set) var wall = WallTime.none
  /// On the coordinator's boot clock.
  var handled = Instant(nanoseconds: 0)
  /// In order; what must be written and what must be told.
  var effects: [Effect] = []
  /// In order, each before the effect of that index.
  var marks: [(before: Int, mark: Mark)] = []
  var dirty: [DirtyRun] = []
  var dropped: [(run: RunID, part: Int)] = []
  var heartbeats: [(connection: Int, number: Int64)] = []
  var acknowledgements: [(connection: Int, fences: [Fence])] = []
  /// Submissions that are answered when it is committed.
  var submissions: [Int] = []
  var touched: [Int] = []

  mutating func begin(at wall: WallTime, number: Int) {
    self.wall = wall
    self.number = number
    effects.removeAll(keepingCapacity: true)
    marks.removeAll(keepingCapacity: true)
    dirty.removeAll(keepingCapacity: true)
    dropped.removeAll(keepingCapacity: true)
    heartbeats.removeAll(keepingCapacity: true)
    acknowledgements.removeAll(keepingCapacity: true)
    submissions.removeAll(keepingCapacity: true)
    touched.removeAll(keepingCapacity: true)
  }

  mutating func mark(_ mark: Mark) { marks.append((effects.count, mark)) }

  mutating func touch(_ connection: Int) {
    if !touched.contains(connection) { touched.append(connection) }
  }
}
