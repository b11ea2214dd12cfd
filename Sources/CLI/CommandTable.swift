import Protocol

/// All commands, in the order of the help.
enum CommandTable {
  static let all: [Command] =
    UpCommand.all + SubmitCommands.all + RunCommands.all + LogCommands.all + AgentCommands.all
    + ControlCommands.all + [
      Command("version", "", "the client's version") { invocation in
        invocation.console.print("caravan \(softwareVersion)")
        return .fine
      },
      Command("help", "[COMMAND]", "all commands, or how one is used") { invocation in
        let name = invocation.arguments.first
        invocation.console.print(try name.map { help(for: try find($0)) } ?? overview)
        return .fine
      },
    ]

  /// Other words for a command.
  private static let synonyms = ["status": "show"]

  static func find(_ word: String) throws(CommandFault) -> Command {
    let name = synonyms[word] ?? word
    if let command = all.first(where: { $0.name == name }) { return command }
    let hint = NearestName.of(word, among: all.map(\.name)).map { "; did you mean '\($0)'?" }
    throw CommandFault(
      .usage, "unknown command '\(Printable.line(word))'" + (hint ?? "; 'caravan help' lists them"))
  }

  static var overview: String {
    let usages = all.map { $0.name + ($0.arguments.isEmpty ? "" : " " + $0.arguments) }
    let width = usages.map(\.count).max() ?? 0
    var lines = [
      "caravan: runs graphs of commands on Linux hosts", "", "usage: caravan COMMAND [arguments] [flags]", "",
    ]
    for (usage, command) in zip(usages, all) {
      lines.append("  " + usage + String(repeating: " ", count: width - usage.count) + "  " + command.summary)
    }
    lines += ["", "'caravan help COMMAND' lists a command's flags. Those that talk to a coordinator take"]
    lines += FlagParser(Command.connection).help
    lines += ["", "exit codes:"]
    lines += ExitCode.all.map { "  \($0.rawValue)  \($0.meaning)" }
    return lines.joined(separator: "\n")
  }

  static func help(for command: Command) -> String {
    var lines = ["usage: \(command.usage)", "", command.summary]
    if !command.flags.isEmpty { lines += [""] + FlagParser(command.flags).help }
    return lines.joined(separator: "\n")
  }
}
