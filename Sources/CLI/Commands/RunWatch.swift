import Foundation

/// Follows a run to its end. A coordinator that is away for a while is waited for: the run outlives it.
struct RunWatch {
  let client: Client
  let run: Int64
  let console: Console

  /// Seconds between two looks: short at first, so that a short run is not waited for, then longer.
  private static let shortestPause = 0.1
  private static let longestPause = 1.0
  /// Seconds that a coordinator may be away.
  private static let patience = 120.0

  func untilEnd() throws(CommandFault) -> ExitCode {
    var pause = Self.shortestPause
    var shown = ""
    var awaySince: Date?
    while true {
      do throws(CommandFault) {
        let summary = try look()
        awaySince = nil
        let line = Counts.progress(summary)
        if line != shown { show(line, over: shown) }
        shown = line
        if summary.isFinal {
          if console.isTerminal { console.err("\n") }
          return summary.state == "COMPLETED" ? .fine : .failed
        }
      } catch  where error.code == .unreachable {
        let now = Date()
        if awaySince == nil {
          let line = "the coordinator is away; waiting for it"
          show(line, over: shown)
          shown = line
        }
        let since = awaySince ?? now
        awaySince = since
        if now.timeIntervalSince(since) > Self.patience { throw error }
      }
      Thread.sleep(forTimeInterval: pause)
      pause = min(pause * 1.5, Self.longestPause)
    }
  }

  /// The list of runs that are not over has the counts and is short; only the end needs the whole list.
  private func look() throws(CommandFault) -> RunSummary {
    if let open = try find(all: false) { return open }
    if let ended = try find(all: true) { return ended }
    throw CommandFault(.refused, "there is no run \(run) any more")
  }

  private func find(all: Bool) throws(CommandFault) -> RunSummary? {
    let runs: [RunSummary] = try client.ask("GET", ["v1", "dagruns"], query: all ? [("all", "1")] : [])
    return runs.first { $0.runID == run }
  }

  /// On a terminal one line that changes, else a line each.
  private func show(_ line: String, over old: String) {
    if console.isTerminal {
      console.err("\r" + line + String(repeating: " ", count: max(0, old.count - line.count)))
    } else {
      console.note(line)
    }
  }
}
