import Foundation
import Glibc
import Testing

/// A coordinator and its agents: real processes with a folder of their own, on free ports of loopback.
///
/// All of it ends with `run`, also what tasks have left running: each process of a cluster, its tasks
/// included, has the cluster's folder as HOME in its environment, and is found by that.
final class Cluster: @unchecked Sendable {
  // Used by one test, one call at a time.

  struct AgentSetup: Sendable {
    var name: String
    var cores = "2"
    var memoryMB = 1000
    var options: [String] = []
    /// In the cluster's folder; by default one of its name.
    var folder: String?
  }

  let folder: String
  private(set) var coordinator: ChildProcess?
  private(set) var agents: [String: ChildProcess] = [:]
  private(set) var http: UInt16 = 0
  private(set) var agentPort: UInt16 = 0
  private var started = 0

  var dataFolder: String { folder + "/coordinator" }
  var workFolder: String { folder + "/work" }
  var adminToken: String { Cluster.firstLine(dataFolder + "/admin.token") }
  var agentTokenPath: String { dataFolder + "/agent.token" }
  var client: HTTPClient { HTTPClient(port: http, token: adminToken) }
  var environment: [String: String] {
    ["HOME": folder, "TMPDIR": folder, "PATH": "/usr/local/bin:/usr/bin:/bin"]
  }

  private init() throws {
    var template = Array((FileManager.default.temporaryDirectory.path + "/caravan-e2e-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw Socket.Failed("mkdtemp") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try FileManager.default.createDirectory(atPath: folder + "/work", withIntermediateDirectories: true)
  }

  /// Runs a test's body against a cluster with these agents, all of them connected.
  static func run(
    agents: [AgentSetup] = [AgentSetup(name: "anna")], startsCoordinator: Bool = true,
    _ body: (Cluster) async throws -> Void
  ) async throws {
    await Turns.clusters.take()
    let cluster: Cluster
    do {
      cluster = try Cluster()
    } catch {
      await Turns.clusters.giveBack()
      throw error
    }
    var failure: (any Error)?
    do {
      if startsCoordinator {
        try await cluster.startCoordinator()
        for agent in agents { try cluster.startAgent(agent) }
        for agent in agents { try await cluster.waitForAgent(agent.name) }
      }
      try await body(cluster)
    } catch {
      failure = error
    }
    if failure != nil { cluster.showOutput() }
    cluster.end()
    await Turns.clusters.giveBack()
    if let failure { throw failure }
  }

  // MARK: The programs

  /// The first start takes free ports, a later one the same again.
  func startCoordinator(options: [String] = []) async throws {
    let process = try launchCoordinator(
      ["--listen", "127.0.0.1:\(http)", "--agent-listen", "127.0.0.1:\(agentPort)"] + options)
    let endpoints = try await eventually("the coordinator serves") { () -> JSON? in
      guard process.isRunning else {
        throw NeverHappened(description: "the coordinator ended: \(process.output)")
      }
      guard let data = FileManager.default.contents(atPath: dataFolder + "/endpoints.json") else {
        return nil
      }
      let endpoints = try JSON([UInt8](data))
      // A killed coordinator leaves its file behind.
      return endpoints["pid"].int == Int(process.pid) ? endpoints : nil
    }
    http = try #require(endpoints["http"].string.flatMap(Cluster.port))
    agentPort = try #require(endpoints["agents"].string.flatMap(Cluster.port))
  }

  /// Starts it with these flags and its data folder, and waits for nothing.
  @discardableResult
  func launchCoordinator(_ flags: [String], dataFolder: String? = nil) throws -> ChildProcess {
    let process = try start(
      Programs.coordinator, ["--data-dir", dataFolder ?? self.dataFolder] + flags, "coordinator")
    if dataFolder == nil { coordinator = process }
    return process
  }

  @discardableResult
  func startAgent(_ setup: AgentSetup, port: UInt16? = nil, tokenPath: String? = nil) throws -> ChildProcess {
    var arguments = [
      "--coordinator", "127.0.0.1:\(port ?? agentPort)", "--data-dir",
      folder + "/" + (setup.folder ?? "agent-" + setup.name),
      "--name", setup.name, "--cores", setup.cores, "--memory-mb", "\(setup.memoryMB)",
      "--token-file", tokenPath ?? agentTokenPath, "--work-dir", workFolder,
    ]
    if geteuid() == 0 { arguments.append("--allow-root") }
    let process = try start(Programs.agent, arguments + setup.options, "agent-" + setup.name)
    agents[setup.name] = process
    return process
  }

  /// Runs any program to its end: exit code and output.
  func execute(_ program: String, _ arguments: [String], environment more: [String: String] = [:])
    async throws
    -> (code: Int32, output: String)
  {
    let process = try start(
      program, arguments, "command", environment: environment.merging(more) { _, new in new })
    return (try await process.exit(), process.output)
  }

  private func start(
    _ program: String, _ arguments: [String], _ name: String, environment: [String: String]? = nil
  ) throws -> ChildProcess {
    started += 1
    return try ChildProcess(
      program, arguments, environment: environment ?? self.environment,
      outputPath: "\(folder)/\(name).\(started).log")
  }

  func killCoordinator() async throws {
    coordinator?.send(SIGKILL)
    try await coordinator?.exit()
    coordinator = nil
  }

  func killAgent(_ name: String) async throws {
    agents[name]?.send(SIGKILL)
    try await agents[name]?.exit()
    agents[name] = nil
    // Its other process outlives it for a moment, in which it still counts as connected.
    guard coordinator != nil else { return }
    try await eventually("the coordinator sees that \(name) is gone") {
      try client.call("GET", "/v1/agents").json.list.contains {
        $0["name"].string == name && $0["connected"].bool == false
      }
    }
  }

  func waitForAgent(_ name: String, state: String = "ACTIVE") async throws {
    try await eventually("agent \(name) is \(state)") {
      try client.call("GET", "/v1/agents").json.list.contains {
        $0["name"].string == name && $0["state"].string == state
      }
    }
  }

  // MARK: The end

  private func end() {
    for process in [coordinator].compactMap({ $0 }) + agents.values where process.isRunning { process.end() }
    // What these have started meanwhile may start more: until nothing is found.
    for _ in 0..<50 {
      let left = processes()
      if left.isEmpty { break }
      for pid in left { kill(pid, SIGKILL) }
      // Ours are collected, others' are not ours to collect.
      for pid in left { waitpid(pid, nil, WNOHANG) }
      usleep(2000)
    }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// All processes of this cluster that live, tasks included.
  func processes() -> [pid_t] {
    let marker = "HOME=\(folder)"
    return ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
      .filter { pid in
        guard let environment = Cluster.contents("/proc/\(pid)/environ") else { return false }
        return environment.split(separator: "\0").contains { $0 == marker }
      }
  }

  /// Those of them that no daemon of ours is: tasks' processes.
  func taskProcesses() -> [pid_t] {
    let daemons = Set(([coordinator].compactMap { $0 } + agents.values).map(\.pid))
    return processes().filter { pid in
      guard !daemons.contains(pid) else { return false }
      let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")) ?? ""
      // The agent's own second process is no task.
      return !program.hasPrefix(Programs.agent)
    }
  }

  private func showOutput() {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    for name in names where name.hasSuffix(".log") {
      let text = Cluster.contents(folder + "/" + name) ?? ""
      print("---- \(name), its end\n\(text.suffix(3000))")
    }
  }

  // MARK: Small things

  static func contents(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  static func firstLine(_ path: String) -> String {
    (contents(path) ?? "").split(separator: "\n").first.map(String.init) ?? ""
  }

  private static func port(_ endpoint: String) -> UInt16? {
    endpoint.split(separator: ":").last.flatMap { UInt16($0) }
  }
}
