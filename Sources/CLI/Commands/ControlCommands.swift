import Foundation
import Protocol

/// Changing what runs do.
enum ControlCommands {
  static let all = [
    Command("kill", "RUN [TASK]", "end a run, or one task of it", flags: Command.connection, run: kill),
    Command("pause", "RUN", "start nothing further of a run", flags: Command.connection, run: pause),
    Command("resume", "RUN", "go on with a paused run", flags: Command.connection, run: resume),
    Command(
      "restart", "RUN [TASK]", "run again what did not complete, or one task", flags: Command.connection,
      run: restart),
  ]

  private static func kill(_ invocation: Invocation) throws -> ExitCode {
    let run = try invocation.runID()
    let client = try invocation.client()
    let task = invocation.arguments.dropFirst().first
    _ = try client.ask("DELETE", ["v1", "dagrun", "\(run)"] + (task.map { ["task", $0] } ?? []))
    invocation.console.note("\(name(run, task)): killed, or being killed")
    return .fine
  }

  private static func pause(_ invocation: Invocation) throws -> ExitCode {
    let run = try invocation.runID()
    try set(invocation.client(), run, to: "PAUSED")
    invocation.console.note("run \(run): paused; what runs, runs on")
    return .fine
  }

  /// QUEUED means both to the API: going on with a paused run, and running one again that is over. Here a
  /// person says which, so that nobody starts a finished run again by mistake.
  private static func resume(_ invocation: Invocation) throws -> ExitCode {
    let run = try invocation.runID()
    let client = try invocation.client()
    let state = try state(client, run)
    if RunSummary.finalStates.contains(state) {
      throw CommandFault(
        .refused, "run \(run) is \(state), not paused; 'caravan restart \(run)' runs it again")
    }
    try set(client, run, to: "QUEUED")
    invocation.console.note("run \(run): goes on")
    return .fine
  }

  private static func restart(_ invocation: Invocation) throws -> ExitCode {
    let run = try invocation.runID()
    let client = try invocation.client()
    if let task = invocation.arguments.dropFirst().first {
      _ = try client.ask("PATCH", ["v1", "dagrun", "\(run)", "task", task, "state", "QUEUED"])
      invocation.console.note("\(name(run, task)): queued again")
      return .fine
    }
    if try state(client, run) == "PAUSED" {
      throw CommandFault(.refused, "run \(run) is PAUSED, not over; 'caravan resume \(run)' goes on with it")
    }
    try set(client, run, to: "QUEUED")
    invocation.console.note("run \(run): queued again")
    return .fine
  }

  private static func state(_ client: Client, _ run: Int64) throws(CommandFault) -> String {
    let answer: StateName = try client.ask("GET", ["v1", "dagrun", "\(run)", "state"])
    return answer.state
  }

  private static func set(_ client: Client, _ run: Int64, to state: String) throws(CommandFault) {
    _ = try client.ask("PATCH", ["v1", "dagrun", "\(run)", "state", state])
  }

  private static func name(_ run: Int64, _ task: String?) -> String {
    "run \(run)" + (task.map { ", task \(Printable.line($0))" } ?? "")
  }
}
