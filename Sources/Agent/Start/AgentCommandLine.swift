import Glibc
import Protocol
import System

/// The flags of `caravan-agent`.
public enum AgentCommandLine {
  public enum Wish: Sendable {
    case run(AgentSettings)
    case help(String)
    case version(String)
  }

  /// Bytes of an agent's name.
  private static let nameBytes = 200

  private static let parser = FlagParser([
    Flag(
      "coordinator", "HOST:PORT", help: "where the coordinator listens for agents, for example 127.0.0.1:2504"
    ),
    Flag("data-dir", "DIR", help: "where this agent keeps its spool (default: $XDG_DATA_HOME/caravan/agent)"),
    Flag("name", "NAME", help: "what this agent is called, once in a coordinator (default: the host's name)"),
    Flag("cores", "N", help: "cores to give away, for example 4 or 0.5 (default: what the host has)"),
    Flag("memory-mb", "M", help: "memory to give away, in MB (default: what the host has)"),
    Flag("label", "K=V", repeated: true, help: "a label that tasks may ask for; may be given more than once"),
    Flag("token-file", "FILE", help: "the agents' token (default: that of the coordinator on this host)"),
    Flag("work-dir", "DIR", help: "where tasks run that name no directory (default: DATA/work)"),
    Flag(
      "output-head-mb", "M", help: "of each stream that a task prints, the first M MiB are kept (default: 16)"
    ),
    Flag("output-tail-mb", "M", help: "and of what follows the last M MiB (default: 48)"),
    Flag(
      "stuck-seconds", "S",
      help: "a task that is there so long after SIGKILL makes this agent take no more work (default: 30)"),
    Flag(
      "no-cgroups",
      help:
        "do not use control groups: memory limits are kept by looking, and what hides from its task is harder to find"
    ),
    Flag("allow-root", help: "run as root all the same: tasks then are root, too"),
    Flag("version", help: "say which version this is"),
    Flag("help", help: "say this"),
  ])

  /// `words`: without the program's name.
  public static func parse(_ words: [String]) throws(FlagFault) -> Wish {
    let flags = try parser.parse(words)
    if flags.has("help") { return .help(help) }
    if flags.has("version") { return .version(AgentSettings.software) }
    try flags.expectNoArguments()
    guard let address = flags.value("coordinator") else {
      throw FlagFault("--coordinator HOST:PORT is missing: where does the coordinator listen for agents?")
    }
    let environment = Self.environment(["HOME", "XDG_DATA_HOME"])
    guard
      let directory = flags.value("data-dir")
        ?? DefaultPaths.agent(environment: environment, userID: geteuid())
    else { throw FlagFault("--data-dir is needed: neither HOME nor XDG_DATA_HOME is set") }
    let localToken = DefaultPaths.coordinator(environment: environment, userID: geteuid())
      .map { $0 + "/" + DefaultPaths.agentTokenFile }
    guard let tokenFile = flags.value("token-file") ?? localToken else {
      throw FlagFault("--token-file is needed: neither HOME nor XDG_DATA_HOME is set")
    }
    return .run(
      AgentSettings(
        coordinator: try hostPort(address), dataDirectory: directory,
        name: try name(flags.value("name") ?? HostFacts.hostName), capacity: try capacity(flags),
        labels: try labels(flags.values("label")), tokenFile: tokenFile,
        isTokenFileGiven: flags.has("token-file"), workDirectory: flags.value("work-dir"),
        isRootAllowed: flags.has("allow-root"), outputCaps: try outputCaps(flags),
        stuckTime: try stuckTime(flags),
        avoidsGroups: flags.has("no-cgroups")))
  }

  private static var help: String {
    ([
      "usage: caravan-agent --coordinator HOST:PORT [flags]", "Runs tasks for a coordinator on this host.",
      "",
    ]
      + parser.help).joined(separator: "\n")
  }

  private static func hostPort(_ text: String) throws(FlagFault) -> HostPort {
    let address: HostPort
    do throws(SystemError) {
      address = try HostPort(text)
    } catch {
      throw FlagFault("--coordinator: \(error.message)")
    }
    if address.port == 0 { throw FlagFault("--coordinator: port 0 cannot be dialed") }
    return address
  }

  private static func name(_ text: String) throws(FlagFault) -> String {
    let isFine = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    if text.isEmpty || text.utf8.count > nameBytes || !isFine {
      throw FlagFault("--name takes 1 to \(nameBytes) bytes without white space, not '\(text)'")
    }
    return text
  }

  private static func capacity(_ flags: ParsedFlags) throws(FlagFault) -> ResourceVector {
    let host = HostFacts.capacity()
    var milliCores = host.milliCores
    if let text = flags.value("cores") {
      guard let said = Self.milliCores(text) else {
        throw FlagFault(
          "--cores takes a number above 0, at most \(ResourceVector.mostCoresText), with at most three decimals, such as 4 or 0.5, not '\(text)'"
        )
      }
      milliCores = said
    }
    let memoryMB = try flags.integer("memory-mb", in: 1...ResourceVector.most) ?? host.memoryMB
    return ResourceVector(milliCores: milliCores, memoryMB: memoryMB)
  }

  private static func outputCaps(_ flags: ParsedFlags) throws(FlagFault) -> OutputCaps {
    let standard = OutputCaps.standard
    return OutputCaps(
      headMiB: try flags.integer("output-head-mb", in: 0...OutputCaps.mostMiB) ?? standard.headBytes >> 20,
      tailMiB: try flags.integer("output-tail-mb", in: 1...OutputCaps.mostMiB) ?? standard.tailBytes >> 20)
  }

  private static func stuckTime(_ flags: ParsedFlags) throws(FlagFault) -> Period {
    try flags.integer("stuck-seconds", in: 1...86_400).map { .seconds($0) } ?? ProcessRunner.standardStuckTime
  }

  /// `[0-9]+(\.[0-9]{1,3})?`, above 0, in thousandths.
  static func milliCores(_ text: String) -> Int64? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let areDigits = parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    guard areDigits, parts.count <= 2, parts.count == 1 || parts[1].count <= 3, let whole = Int64(parts[0]),
      whole <= ResourceVector.most
    else { return nil }
    let decimals = parts.count == 2 ? String(parts[1]) : ""
    let thousandths = Int64(decimals + String(repeating: "0", count: 3 - decimals.count)) ?? 0
    let all = whole * 1000 + thousandths
    return all > 0 && all <= ResourceVector.most ? all : nil
  }

  private static func labels(_ words: [String]) throws(FlagFault) -> [String: String] {
    var labels: [String: String] = [:]
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts[0].isEmpty else { throw FlagFault("--label takes K=V, not '\(word)'") }
      if labels.updateValue(parts[1], forKey: parts[0]) != nil {
        throw FlagFault("--label \(parts[0]) is given twice")
      }
    }
    return labels
  }

  private static func environment(_ names: [String]) -> [String: String] {
    var found: [String: String] = [:]
    for name in names { if let value = getenv(name) { found[name] = String(cString: value) } }
    return found
  }
}
