import Foundation
import Protocol

/// What `caravan up` starts: programs, flags and folders.
struct LocalPlan {
  /// What the agents share.
  struct Host {
    var name: String
    var cores: Int
    var memoryMB: Int
    var programs: String

    static var this: Host {
      let info = ProcessInfo.processInfo
      let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
      return Host(
        name: info.hostName, cores: info.activeProcessorCount, memoryMB: Int(info.physicalMemory >> 20),
        programs: URL(fileURLWithPath: program).deletingLastPathComponent().path)
    }
  }

  struct Program: Hashable {
    var name: String
    var path: String
    var flags: [String]
    var log: String
  }

  struct Announced: Decodable {
    var http: String
    var agents: String
    var pid: Int32
  }

  let agentCount: Int
  let coordinatorFolder: String
  private let agentFolder: String
  private let logFolder: String
  private let isRoot: Bool
  private let flags: ParsedFlags
  private let host: Host
  private let isDefaultPlace: Bool

  init(
    flags: ParsedFlags, agents: Int, environment: [String: String], userID: UInt32, host: Host
  ) throws(CommandFault) {
    self.flags = flags
    self.host = host
    agentCount = agents
    isRoot = userID == 0
    isDefaultPlace = flags.value("data-dir") == nil
    if let folder = flags.value("data-dir") {
      let base = URL(fileURLWithPath: folder).path
      coordinatorFolder = base + "/coordinator"
      agentFolder = base + "/agent"
    } else if let coordinator = DefaultPaths.coordinator(environment: environment, userID: userID),
      let agent = DefaultPaths.agent(environment: environment, userID: userID)
    {
      coordinatorFolder = coordinator
      agentFolder = agent
    } else {
      throw CommandFault(.usage, "neither HOME nor XDG_DATA_HOME is set: say --data-dir DIR")
    }
    logFolder = URL(fileURLWithPath: coordinatorFolder).deletingLastPathComponent().path + "/log"
    if let folder = flags.value("work-dir") {
      var isFolder = ObjCBool(false)
      guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
        throw CommandFault(.usage, "--work-dir: there is no folder \(Printable.line(folder))")
      }
    }
  }

  /// Makes the folder for the daemons' logs.
  func prepare() throws(CommandFault) {
    do {
      try FileManager.default.createDirectory(
        atPath: logFolder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw CommandFault(
        .failed, "\(logFolder) cannot be made: say --data-dir DIR for a folder that you may write")
    }
  }

  var coordinator: Program {
    Program(
      name: "coordinator", path: host.programs + "/caravan-coordinator",
      flags: ["--data-dir", coordinatorFolder]
        + given("listen") + given("agent-listen"),
      log: logFolder + "/coordinator.log")
  }

  /// The first has the host's name alone, so that a data directory keeps its agent's name however many there
  /// are next time.
  func agentName(_ index: Int) -> String { index == 0 ? host.name : "\(host.name)-\(index + 1)" }

  func agent(_ index: Int, coordinator: String) -> Program {
    var flags = [
      "--coordinator", coordinator, "--name", agentName(index),
      "--data-dir", index == 0 ? agentFolder : "\(agentFolder)-\(index + 1)",
      "--token-file", coordinatorFolder + "/" + DefaultPaths.agentTokenFile,
    ]
    if let folder = self.flags.value("work-dir") {
      flags += ["--work-dir", URL(fileURLWithPath: folder).path]
    }
    flags += given("cores") + given("memory-mb")
    // Several agents that each take the whole host would start more than it can bear.
    if agentCount > 1, !self.flags.has("cores") {
      flags += ["--cores", "\(max(1, host.cores / agentCount))"]
    }
    if agentCount > 1, !self.flags.has("memory-mb") {
      flags += ["--memory-mb", "\(max(100, host.memoryMB * 9 / 10 / agentCount))"]
    }
    if isRoot { flags.append("--allow-root") }
    return Program(
      name: agentCount == 1 ? "agent" : "agent \(index + 1)", path: host.programs + "/caravan-agent",
      flags: flags,
      log: logFolder + "/agent" + (index == 0 ? "" : "-\(index + 1)") + ".log")
  }

  private func given(_ flag: String) -> [String] {
    flags.value(flag).map { ["--" + flag, $0] } ?? []
  }

  /// nil until this very coordinator has said where it serves: the file of an earlier one may be there.
  func announced(by pid: Int32) -> Announced? {
    guard
      let data = FileManager.default.contents(atPath: coordinatorFolder + "/" + DefaultPaths.endpointsFile),
      let announced = try? JSONDecoder().decode(Announced.self, from: data), announced.pid == pid
    else { return nil }
    return announced
  }

  func welcome(url: URL, hasToken: Bool) -> String {
    var lines = [
      "Caravan is up: \(url), \(FaultReport.count(agentCount, "agent")) on this host"
        + (isRoot ? " (tasks run as root)" : ""),
      "data and logs: \(URL(fileURLWithPath: logFolder).deletingLastPathComponent().path)", "",
      "In another terminal:",
    ]
    if !isDefaultPlace {
      let token = hasToken ? " CARAVAN_TOKEN_FILE=\(coordinatorFolder)/\(DefaultPaths.adminTokenFile)" : ""
      lines.append("  export CARAVAN_URL=\(url)\(token)")
    }
    lines += [
      "  caravan submit --wait FILE.json", "  caravan runs --all", "  caravan agents", "",
      "Ctrl-C stops all of it.",
    ]
    return lines.joined(separator: "\n")
  }
}
