import Protocol
import System

/// What the command line says, checked.
struct CoordinatorOptions: Sendable {
  var dataDirectory: String
  var listen: HostPort
  var agentListen: HostPort
  var isOpen: Bool
  var lease: Period
  var ballastBytes: Int64
  var logs: LogLimits

  static let defaultListen = HostPort(host: "127.0.0.1", port: 2503)
  static let defaultAgentListen = HostPort(host: "127.0.0.1", port: 2504)
  /// Seconds.
  static let leaseRange: ClosedRange<Int64> = 10...7 * 24 * 3600
  /// MiB.
  static let ballastRange: ClosedRange<Int64> = 0...1 << 20
  static let keepDaysRange: ClosedRange<Int64> = 1...36_500
  /// MiB.
  static let keepRange: ClosedRange<Int64> = 1...1 << 30

  static let parser = FlagParser([
    Flag("data-dir", "DIR", help: "where state, logs and tokens are kept"),
    Flag("listen", "HOST:PORT", help: "the REST API; port 0 takes a free one (default 127.0.0.1:2503)"),
    Flag(
      "agent-listen", "HOST:PORT", help: "the agents' port; port 0 takes a free one (default 127.0.0.1:2504)"),
    Flag("no-auth", help: "ask no token of anybody; only where --listen is loopback"),
    Flag(
      "lease-seconds", "N",
      help: "how long an agent may be silent before its attempts run elsewhere (default 300)"),
    Flag(
      "ballast-mb", "N",
      help: "MiB that DIR/ballast holds, which is given up first when the disk fills; 0: none (default 64)"),
    Flag(
      "keep-logs-days", "N",
      help: "remove the output of runs that ended N days ago (default: keep it for ever)"),
    Flag(
      "keep-logs-mb", "N",
      help:
        "MiB of output to keep: beyond, that of the run whose end is the longest ago goes (default: keep all)"
    ),
    Flag("help", help: "print this"),
    Flag("version", help: "print the version"),
  ])

  init(_ flags: ParsedFlags, environment: [String: String], userID: UInt32) throws(FlagFault) {
    try flags.expectNoArguments()
    guard
      let directory = flags.value("data-dir")
        ?? DefaultPaths.coordinator(environment: environment, userID: userID),
      !directory.isEmpty
    else { throw FlagFault("there is no home directory to keep data in: say --data-dir DIR") }
    dataDirectory = directory
    listen = try Self.address("listen", flags) ?? Self.defaultListen
    agentListen = try Self.address("agent-listen", flags) ?? Self.defaultAgentListen
    isOpen = flags.has("no-auth")
    lease = .seconds(try flags.integer("lease-seconds", in: Self.leaseRange) ?? 300)
    ballastBytes =
      try flags.integer("ballast-mb", in: Self.ballastRange).map { $0 << 20 } ?? Ballast.defaultBytes
    logs = LogLimits(
      age: try flags.integer("keep-logs-days", in: Self.keepDaysRange).map { .seconds($0 * 24 * 3600) },
      bytes: try flags.integer("keep-logs-mb", in: Self.keepRange).map { $0 << 20 })
    if isOpen && !listen.isLoopback {
      throw FlagFault("--no-auth is for loopback only, and --listen says \(listen): leave out --no-auth")
    }
  }

  private static func address(_ flag: String, _ flags: ParsedFlags) throws(FlagFault) -> HostPort? {
    guard let text = flags.value(flag) else { return nil }
    do throws(SystemError) { return try HostPort(text) } catch {
      throw FlagFault("--\(flag) \(text): \(error.message)")
    }
  }
}

extension HostPort {
  var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}
