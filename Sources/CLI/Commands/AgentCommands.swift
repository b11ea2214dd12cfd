import Foundation
import Protocol

/// Looking at agents.
enum AgentCommands {
  static let all = [
    Command(
      "agents", "", "who runs tasks, with how much room", flags: [Command.json] + Command.connection,
      run: agents)
  ]

  private static func agents(_ invocation: Invocation) throws -> ExitCode {
    let client = try invocation.client()
    let body = try client.ask("GET", ["v1", "agents"])
    if invocation.flags.has("json") {
      invocation.console.json(body)
      return .fine
    }
    let list: [AgentSummary] = try client.decode(body)
    if list.isEmpty {
      invocation.console.note(
        "no agents yet: start caravan-agent --coordinator HOST:PORT where tasks should run")
    } else {
      invocation.console.print(table(list))
      for agent in list {
        if let reason = agent.reason { invocation.console.note("\(agent.name) takes no new work: \(reason)") }
      }
    }
    return .fine
  }

  static func table(_ agents: [AgentSummary]) -> String {
    var table = TextTable([
      ("AGENT", .left), ("STATE", .left), ("CORES", .right), ("MEMORY MB", .right), ("LABELS", .left),
      ("VERSION", .left),
    ])
    for agent in agents {
      let labels = (agent.labels ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      table.add([
        agent.name, agent.state, "\(number(agent.coresUsed)) of \(number(agent.cores))",
        "\(number(agent.memoryMBUsed)) of \(number(agent.memoryMB))",
        labels.isEmpty ? "-" : labels.joined(separator: " "), agent.version ?? "-",
      ])
    }
    return table.text
  }

  /// Without needless zeros: 1.5, 4.
  static func number(_ value: Double) -> String {
    let thousandths = (value * 1000).rounded()
    guard let whole = Int64(exactly: thousandths) else { return "\(value)" }
    if whole % 1000 == 0 { return "\(whole / 1000)" }
    var text = String(format: "%.3f", value)
    while text.last == "0" { text.removeLast() }
    return text
  }
}
