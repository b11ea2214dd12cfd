import Foundation
import Protocol

/// Looking at runs.
enum RunCommands {
  static let all = [
    Command(
      "runs", "", "the runs that are not over",
      flags: [Flag("all", help: "those that are over too"), Command.json] + Command.connection, run: runs),
    Command(
      "show", "RUN", "one run and its tasks (also: status)",
      flags: [Flag("all", help: "all tasks, however many"), Command.json] + Command.connection, run: show),
  ]

  private static func runs(_ invocation: Invocation) throws -> ExitCode {
    let client = try invocation.client()
    let all = invocation.flags.has("all")
    let body = try client.ask("GET", ["v1", "dagruns"], query: all ? [("all", "1")] : [])
    if invocation.flags.has("json") {
      invocation.console.json(body)
      return .fine
    }
    let list: [RunSummary] = try client.decode(body)
    if list.isEmpty {
      invocation.console.note(
        all ? "no runs yet" : "no runs that are not over ('caravan runs --all' has the others)")
    } else {
      invocation.console.print(table(list, timeZone: invocation.console.timeZone))
    }
    return .fine
  }

  static func table(_ runs: [RunSummary], timeZone: TimeZone) -> String {
    var table = TextTable([
      ("RUN", .right), ("TAG", .left), ("STATE", .left), ("STARTED", .left), ("LAST CHANGE", .left),
      ("TASKS", .left),
    ])
    for run in runs {
      table.add([
        "\(run.runID)", run.tag.isEmpty ? "-" : run.tag, run.state, Moment.show(run.startTime, in: timeZone),
        Moment.show(run.lastUpdate, in: timeZone), Counts.show(run.taskCounts),
      ])
    }
    return table.text
  }

  /// Tasks that are shown of a run without `--all`.
  private static let tasksShown = 100

  private static func show(_ invocation: Invocation) throws -> ExitCode {
    let run = try invocation.runID()
    let client = try invocation.client()
    let body = try client.ask("GET", ["v1", "dagrun", "\(run)"], query: [("logs", "none")])
    if invocation.flags.has("json") {
      invocation.console.json(body)
      return .fine
    }
    let limit = invocation.flags.has("all") ? Int.max : tasksShown
    invocation.console.print(
      text(try client.decode(body), limit: limit, timeZone: invocation.console.timeZone))
    return .fine
  }

  static func text(_ run: WholeRun, limit: Int, timeZone: TimeZone) -> String {
    var counts: [String: Int] = [:]
    for state in run.taskStates.values { counts[state, default: 0] += 1 }
    let last = run.dagStateChanges.last
    var lines = [
      "run \(run.runID)" + (run.tag.isEmpty ? "" : " (\(Printable.line(run.tag)))")
        + ": \(last?.state ?? "?")"
    ]
    if run.killRequested == true { lines[0] += ", being killed" }
    for change in run.dagStateChanges {
      lines.append("  \(Moment.show(change.time, in: timeZone))  \(Printable.line(change.state))")
    }
    lines += [Counts.show(counts), ""]

    // What needs a look first where not all can be shown.
    var names = run.taskStates.keys.sorted(by: TaskOrder.precedes)
    let total = names.count
    if total > limit {
      let plain = ["COMPLETED", "QUEUED"]
      names =
        names.filter { !plain.contains(run.taskStates[$0] ?? "") }
        + names.filter { plain.contains(run.taskStates[$0] ?? "") }
      names = names.prefix(limit).sorted(by: TaskOrder.precedes)
    }
    var table = TextTable([
      ("TASK", .left), ("STATE", .left), ("ATTEMPTS", .right), ("RC", .right), ("STARTED", .left),
      ("TIME", .right),
    ])
    for name in names {
      let attempts = run.taskAttempts[name] ?? []
      let latest = attempts.last
      let isOver = latest.map { $0.stopTime != "0" } ?? false
      table.add([
        name, run.taskStates[name] ?? "?", "\(attempts.count)", isOver ? "\(latest?.rc ?? 0)" : "-",
        Moment.show(latest?.startTime ?? "0", in: timeZone),
        Moment.length(from: latest?.startTime ?? "0", to: latest?.stopTime ?? "0"),
      ])
    }
    lines.append(table.text)
    if total > names.count { lines.append("… and \(total - names.count) more ('--all' shows them)") }
    return lines.joined(separator: "\n")
  }
}
