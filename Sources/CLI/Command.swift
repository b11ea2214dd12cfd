import Protocol

/// One word of `caravan`'s command line: the table of these is all there is, help is made from it.
struct Command: Sendable {
  let name: String
  /// As in the help: `RUN [TASK]`. A name in brackets may be left out.
  let arguments: String
  /// One line.
  let summary: String
  let flags: [Flag]
  let run: @Sendable (Invocation) throws -> ExitCode

  init(
    _ name: String, _ arguments: String = "", _ summary: String, flags: [Flag] = [],
    run: @escaping @Sendable (Invocation) throws -> ExitCode
  ) {
    self.name = name
    self.arguments = arguments
    self.summary = summary
    self.flags = flags
    self.run = run
  }

  /// How many arguments it takes.
  var argumentCounts: ClosedRange<Int> {
    let names = arguments.split(separator: " ")
    return names.count(where: { !$0.hasPrefix("[") })...names.count
  }

  var usage: String {
    "caravan \(name)" + (arguments.isEmpty ? "" : " \(arguments)") + (flags.isEmpty ? "" : " [flags]")
  }

  /// The flags every command takes that talks to a coordinator.
  static let connection = [
    Flag("url", "URL", help: "the coordinator (CARAVAN_URL; else found on this host)"),
    Flag(
      "token-file", "FILE", help: "its token (CARAVAN_TOKEN_FILE, CARAVAN_TOKEN; else found on this host)"),
  ]
  static let json = Flag("json", help: "print the coordinator's JSON as it is")
  static let help = Flag("help", help: "how this command is used")
}

/// A command line that has been read.
struct Invocation {
  let flags: ParsedFlags
  let environment: [String: String]
  let console: Console

  var arguments: [String] { flags.arguments }

  /// The coordinator that flags, environment or this host's files name.
  func client() throws(CommandFault) -> Client {
    try Endpoint.find(flags: flags, environment: environment).client()
  }

  /// An argument that names a run.
  func runID(at index: Int = 0) throws(CommandFault) -> Int64 {
    let text = arguments[index]
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let run = Int64(text) else {
      throw CommandFault(
        .usage, "'\(Printable.line(text))' is no run's number; 'caravan runs --all' lists them")
    }
    return run
  }
}
