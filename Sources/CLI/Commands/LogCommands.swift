import Foundation
import Protocol

/// What tasks print.
enum LogCommands {
  static let all = [
    Command(
      "logs", "RUN TASK", "what a task printed, byte for byte",
      flags: [
        Flag("stream", "NAME", help: "stdout (default), stderr or executor: what the agent did, in words"),
        Flag("attempt", "N", help: "which attempt, from 1 (default: the latest)"),
        Flag("follow", help: "go on as it prints, until it ends"),
      ] + Command.connection, run: logs)
  ]

  private static let streams = ["stdout", "stderr", "executor"]
  /// Seconds that a coordinator may be away while its log is followed.
  private static let patience = 120.0
  private static let pauseBetweenTries = 1.0

  private static func logs(_ invocation: Invocation) throws -> ExitCode {
    let run = try invocation.runID()
    let task = invocation.arguments[1]
    let stream = invocation.flags.value("stream") ?? "stdout"
    guard streams.contains(stream) else {
      let hint = NearestName.of(stream, among: streams).map { "; did you mean \($0)?" } ?? ""
      throw CommandFault(
        .usage, "--stream takes \(streams.joined(separator: ", ")), not '\(Printable.line(stream))'\(hint)")
    }
    var query = [("stream", stream)]
    if let attempt = try invocation.flags.integer("attempt", in: 1...Int64(Int32.max)) {
      query.append(("attempt", "\(attempt)"))
    }
    let client = try invocation.client()
    let segments = ["v1", "dagrun", "\(run)", "task", task, "log"]
    if !invocation.flags.has("follow") {
      try client.stream(segments, query: query) { invocation.console.out(Array($0)) }
      return .fine
    }
    return try follow(client, segments, query + [("follow", "1")], invocation.console)
  }

  /// Goes on where it was when the connection or the coordinator was away.
  private static func follow(
    _ client: Client, _ segments: [String], _ query: [(String, String)], _ console: Console
  ) throws(CommandFault) -> ExitCode {
    var seen = 0
    var lastHeard = Date()
    while true {
      do throws(CommandFault) {
        try client.stream(segments, query: seen == 0 ? query : query + [("offset", "\(seen)")]) { bytes in
          seen += bytes.count
          lastHeard = Date()
          console.out(Array(bytes))
        }
        return .fine
      } catch  where error.code == .unreachable {
        // Never reached at all: most likely the wrong place.
        if seen == 0 || Date().timeIntervalSince(lastHeard) > patience { throw error }
        Thread.sleep(forTimeInterval: pauseBetweenTries)
      }
    }
  }
}
