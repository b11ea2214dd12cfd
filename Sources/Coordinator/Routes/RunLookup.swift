import HTTP
import Protocol
import Scheduling

/// Finds what a path names, or says why it is not there.
struct RunLookup {
  let reader: StoreReader

  func run(_ call: Call) throws(Problem) -> RunRow {
    let id = try call.runID()
    guard let row = try reading({ () throws(StoreFault) in try reader.run(id) }) else { throw .noRun(id) }
    return row
  }

  func layout(of run: RunID) throws(Problem) -> RunLayout {
    guard let layout = try reading({ () throws(StoreFault) in try reader.layout(of: run) }) else {
      throw .noRun(run)
    }
    return layout
  }

  func task(_ call: Call) throws(Problem) -> (key: TaskKey, layout: RunLayout) {
    let run = try run(call).run
    let layout = try layout(of: run)
    let name = call.values[1]
    switch layout.find(name: name) {
    case .task(let task): return (TaskKey(run, task), layout)
    case .family(let family):
      let last = layout.family(family).count - 1
      let tasks = last == 0 ? "its task is \(name)_0" : "its tasks are \(name)_0 to \(name)_\(last)"
      throw Problem(404, "\"\(name)\" is a family and no task of run \(run): \(tasks)")
    case nil:
      throw Problem(404, "run \(run) has no task \"\(name)\"; GET /v1/dagrun/\(run)/tasks lists them")
    }
  }

  /// A task that came into the run just now may have no byte as yet: it is QUEUED.
  func byte(of key: TaskKey) throws(Problem) -> TaskByte {
    try reading { () throws(StoreFault) in try reader.taskByte(of: key) ?? TaskByte(.queued) }
  }
}

/// Turns a failed read into an answer.
func reading<Result>(_ body: () throws(StoreFault) -> Result) throws(Problem) -> Result {
  do throws(StoreFault) {
    return try body()
  } catch {
    throw Problem(503, "the state could not be read: \(error.message)")
  }
}

extension StoreReader {
  /// All attempts of one task that people see, by number.
  func attempts(of key: TaskKey) throws(StoreFault) -> [AttemptRow] {
    var rows: [AttemptRow] = []
    var number: Int32 = 1
    while true {
      let page = try attempts(of: key.run, from: key.task, number: AttemptNumber(number), limit: 100)
      let own = page.prefix { $0.key == key }
      rows += own
      guard page.count == 100, own.count == page.count, let last = own.last else { return rows }
      number = last.number.value + 1
    }
  }
}

/// The state bytes of a run, a chunk at a time: for walks in the order of the dense index.
struct TaskBytes {
  private let reader: StoreReader
  private let run: RunID
  private var chunk: Int32 = -1
  private var bytes: [UInt8] = []

  init(_ reader: StoreReader, _ run: RunID) {
    self.reader = reader
    self.run = run
  }

  /// A task that came into the run just now may have no byte as yet: it is QUEUED.
  mutating func byte(of task: TaskIndex) throws(StoreFault) -> TaskByte {
    let wanted = task.value / Int32(StateChunk.tasks)
    if wanted != chunk {
      bytes = try reader.taskBytes(of: run, chunk: wanted)
      chunk = wanted
    }
    let at = Int(task.value) % StateChunk.tasks
    return at < bytes.count ? TaskByte(raw: bytes[at]) : TaskByte(.queued)
  }
}
