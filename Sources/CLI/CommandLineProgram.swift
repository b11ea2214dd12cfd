import Foundation
import Protocol

/// `caravan`, the client: a table of commands over the REST API.
public enum CommandLineProgram {
  /// Runs one command line (without the program's name) to its end.
  public static func run(_ words: [String], environment: [String: String]) -> ExitCode {
    run(words, environment: environment, console: .standard)
  }

  static func run(_ words: [String], environment: [String: String], console: Console) -> ExitCode {
    do {
      return try dispatch(words, environment: environment, console: console)
    } catch let fault as CommandFault {
      console.note("caravan: \(fault.message)")
      return fault.code
    } catch let fault as FlagFault {
      console.note("caravan: \(fault.message)")
      return .usage
    } catch {
      console.note("caravan: \(error)")
      return .failed
    }
  }

  private static func dispatch(
    _ words: [String], environment: [String: String], console: Console
  ) throws -> ExitCode {
    guard let word = words.first else {
      console.note(CommandTable.overview)
      return .usage
    }
    if word == "--help" || word == "-h" {
      console.print(CommandTable.overview)
      return .fine
    }
    if word == "--version" { return try dispatch(["version"], environment: environment, console: console) }
    let command = try CommandTable.find(word)
    let parsed: ParsedFlags
    do throws(FlagFault) {
      parsed = try FlagParser(command.flags + [Command.help]).parse(Array(words.dropFirst()))
    } catch {
      throw CommandFault(.usage, "\(command.name): \(error.message) ('caravan help \(command.name)')")
    }
    if parsed.has("help") {
      console.print(CommandTable.help(for: command))
      return .fine
    }
    if !command.argumentCounts.contains(parsed.arguments.count) {
      throw CommandFault(.usage, "usage: \(command.usage)")
    }
    return try command.run(Invocation(flags: parsed, environment: environment, console: console))
  }
}
