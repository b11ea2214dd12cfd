import Protocol
import System

struct BenchSettings {
  var coordinator: HostPort
  var token: String
  var agents: Int
  var capacity: ResourceVector
  /// What each task takes; zero: nothing.
  var taskTime: Period

  private static let parser = FlagParser([
    Flag("coordinator", "HOST:PORT", help: "where the coordinator listens for agents"),
    Flag("token-file", "FILE", help: "the agents' token"),
    Flag("agents", "N", help: "how many (default: 200)"),
    Flag("cores", "N", help: "whole cores of each (default: 64)"),
    Flag("task-ms", "N", help: "what each task takes, in milliseconds (default: 0)"),
    Flag("help", help: "say this"),
  ])

  static let help =
    ([
      "usage: caravan-bench-agents --coordinator HOST:PORT --token-file FILE [flags]",
      "Agents over real TCP that make no processes: every task ends well at once.", "",
    ] + parser.help).joined(separator: "\n")

  /// nil: help is asked for.
  init?(_ words: [String]) throws(FlagFault) {
    let flags = try Self.parser.parse(words)
    if flags.has("help") { return nil }
    try flags.expectNoArguments()
    guard let address = flags.value("coordinator"), let file = flags.value("token-file") else {
      throw FlagFault("--coordinator and --token-file are needed")
    }
    do throws(SystemError) { coordinator = try HostPort(address) } catch { throw FlagFault(error.message) }
    guard let token = Files.line(file) else { throw FlagFault("there is no token in \(file)") }
    self.token = token
    agents = Int(try flags.integer("agents", in: 1...10_000) ?? 200)
    let cores = try flags.integer("cores", in: 1...10_000) ?? 64
    capacity = ResourceVector(milliCores: cores * 1000, memoryMB: 1_000_000)
    taskTime = .milliseconds(try flags.integer("task-ms", in: 0...1_000_000) ?? 0)
  }
}
