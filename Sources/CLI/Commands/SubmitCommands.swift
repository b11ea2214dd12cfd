import Foundation
import Protocol

/// Handing in DAG documents.
enum SubmitCommands {
  static let all = [
    Command(
      "submit", "FILE|-", "hand in a DAG; prints the run's number",
      flags: [
        Flag("wait", help: "show progress and end with the run: 0 only when it COMPLETED"), Command.json,
      ] + Command.connection, run: submit),
    Command(
      "validate", "FILE|-", "check a DAG, run nothing", flags: [Command.json] + Command.connection,
      run: validate),
  ]

  private static func submit(_ invocation: Invocation) throws -> ExitCode {
    let client = try invocation.client()
    let console = invocation.console
    let file = try DocumentFile(invocation.arguments[0])
    let answer = try client.call("POST", ["v1", "dagrun"], body: file.bytes)
    guard answer.isGood else {
      if invocation.flags.has("json") { console.json(answer.body) }
      let refusal = Refusal(answer)
      // The document's own fault; all else is about us or the coordinator.
      guard [400, 413, 422].contains(answer.status) else { throw refusal.fault }
      report(refusal.errors, refusal.detail, file: file.name, console)
      return .failed
    }
    let run = try (client.decode(answer.body) as RunNumber).runID
    if invocation.flags.has("json") {
      console.json(answer.body)
    } else {
      console.print("\(run)")
    }
    if !invocation.flags.has("wait") { return .fine }
    return try RunWatch(client: client, run: run, console: console).untilEnd()
  }

  private static func validate(_ invocation: Invocation) throws -> ExitCode {
    let client = try invocation.client()
    let console = invocation.console
    let file = try DocumentFile(invocation.arguments[0])
    let answer = try client.call("POST", ["v1", "dagrun", "validate"], body: file.bytes)
    if invocation.flags.has("json") { console.json(answer.body) }
    guard answer.isGood else {
      let refusal = Refusal(answer)
      guard [400, 413, 422].contains(answer.status) else { throw refusal.fault }
      report(refusal.errors, refusal.detail, file: file.name, console)
      return .failed
    }
    let validity: Validity = try client.decode(answer.body)
    let warnings = validity.warnings ?? []
    for line in FaultReport.lines(warnings, file: file.name, kind: "warning") { console.note(line) }
    if !validity.valid {
      report(validity.errors ?? [], nil, file: file.name, console)
      return .failed
    }
    if !invocation.flags.has("json") { console.print("\(file.name): valid") }
    return .fine
  }

  private static func report(_ faults: [Refusal.Fault], _ detail: String?, file: String, _ console: Console) {
    if faults.isEmpty {
      console.note("\(file): error: \(detail.map { Printable.line($0) } ?? "the DAG does not hold")")
      return
    }
    for line in FaultReport.lines(faults, file: file, kind: "error") { console.note(line) }
    console.note("\(FaultReport.count(faults.count, "fault")); nothing was run")
  }
}
