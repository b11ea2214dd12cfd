import Protocol

/// Attempts that were taken for lost since their agent was silent past their lease, in runs that are not final:
/// a result of theirs may still come. Their rows say so too, so that a restart finds them.
struct AwaitedAttempts: Sendable {
  /// Beyond this many the oldest are awaited no more: a result of theirs is only acknowledged.
  static let limit = 10_000

  /// By fence.
  private var records: [Int64: AttemptRecord] = [:]
  private var perRun: [RunID: Int] = [:]

  /// Answers those that are awaited no more.
  mutating func insert(_ record: AttemptRecord) -> [AttemptRecord] {
    if records.updateValue(record, forKey: record.fence.value) == nil {
      perRun[record.key.run, default: 0] += 1
    }
    if records.count <= Self.limit { return [] }
    // A good many at once, so that sorting them is rare.
    return sorted.prefix(Self.limit / 10).map { remove($0.fence)! }
  }

  var isEmpty: Bool { records.isEmpty }

  subscript(fence: Fence) -> AttemptRecord? { records[fence.value] }

  mutating func remove(_ fence: Fence) -> AttemptRecord? {
    guard let record = records.removeValue(forKey: fence.value) else { return nil }
    let left = perRun[record.key.run]! - 1
    perRun[record.key.run] = left > 0 ? left : nil
    return record
  }

  /// By fence.
  var sorted: [AttemptRecord] { records.values.sorted { $0.fence < $1.fence } }

  func sorted(ofRun run: RunID) -> [AttemptRecord] {
    perRun[run] == nil ? [] : sorted.filter { $0.key.run == run }
  }

  func sorted(of agent: AgentID) -> [AttemptRecord] {
    records.isEmpty ? [] : sorted.filter { $0.agent == agent }
  }
}
