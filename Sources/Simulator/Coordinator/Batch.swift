import Protocol
import Scheduling

/// What one turn of the Engine gathers between taking its inputs and telling their results.
struct Batch: ~Copyable {
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
  var dirty = Kept<DirtyRow>()
  var chunks = Kept<DirtyRow.Chunk>()
  var bytes = Kept<TaskByte>(capacity: 64)
  var dropped = Kept<(run: RunID, part: Int)>()
  var heartbeats = Kept<(connection: Int, number: Int64)>()
  var acknowledgements: [(connection: Int, fences: [Fence])] = []
  /// Connections that are closed behind what is said on them.
  var closings = Kept<Int>()
  /// Submissions that are answered when it is committed.
  var submissions = Kept<Int>()
  var touched = Kept<Int>()

  /// Nothing but heartbeats came, as in half of all turns: what only goes with effects is empty.
  var isPlain = true

  mutating func begin(at wall: WallTime, number: Int) {
    self.wall = wall
    self.number = number
    heartbeats.empty()
    touched.empty()
    if isPlain { return }
    isPlain = true
    effects.empty()
    marks.empty()
    dirty.empty()
    chunks.empty()
    bytes.empty()
    dropped.empty()
    acknowledgements.empty()
    closings.empty()
    submissions.empty()
  }

  mutating func mark(_ mark: Mark) {
    marks.append((effects.count, mark))
    isPlain = false
  }

  /// A deliberate bug: of what a commit holds some rows are not written.
  mutating func loseHalf() {
    effects.removeLast(effects.count / 2)
    marks.removeAll { $0.before > effects.count }
  }

  mutating func touch(_ connection: Int) {
    for i in touched.indices where touched[i] == connection { return }
    touched.append(connection)
  }
}
