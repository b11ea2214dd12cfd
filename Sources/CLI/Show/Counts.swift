import Protocol

/// Tasks by state, in words.
enum Counts {
  /// In the order of a task's life; states this client does not know come last, by name.
  static func show(_ counts: [String: Int]) -> String {
    let known = TaskState.allCases.map(\.name)
    let others = counts.keys.filter { !known.contains($0) }.sorted()
    let parts = (known + others).compactMap { name in counts[name].flatMap { $0 > 0 ? "\($0) \(name)" : nil }
    }
    return parts.isEmpty ? "no tasks" : parts.joined(separator: ", ")
  }

  /// For a line that is updated: what is done of how many, and what is not just waiting.
  static func progress(_ run: RunSummary) -> String {
    let total = run.taskCounts.values.reduce(0, +)
    let done = run.taskCounts["COMPLETED"] ?? 0
    let others = run.taskCounts.filter { $0.key != "COMPLETED" && $0.key != "QUEUED" }
    return "run \(run.runID) \(run.state): \(done) of \(total)" + (others.isEmpty ? "" : ", " + show(others))
  }
}
