import Glibc
import HTTP
import Protocol
import Scheduling
import Synchronization
import System

/// A coordinator that serves: everything wired up, from the data directory to the two ports.
///
/// What lives longest is made first and ends last: store and logs, Engine, agents' port, REST.
final class CoordinatorService {
  struct Endpoints {
    var http: String
    var agents: String
  }

  private(set) var endpoints: Endpoints
  private let directory: DataDirectory
  private let disk: DiskWatch
  private let logs: AttemptLogs
  private let engine: Engine
  private let engineThread: Thread
  private let agents: AgentListener
  private let http: HTTPServer
  private let gate: ServiceGate
  private let pruner: LogPruner

  init(_ options: CoordinatorOptions) throws {
    let budget = try DescriptorBudget(limit: OpenFiles.raiseLimit(most: DescriptorBudget.most))
    directory = try DataDirectory(options.dataDirectory)
    // First, so that a start on a full disk has the ballast's room.
    let disk = DiskWatch(directory, ballastBytes: options.ballastBytes)
    self.disk = disk
    let tokens = try Tokens(in: directory)
    let store = try SQLiteStore(directory, software: softwareVersion)
    let die: @Sendable (StoreFault) -> Never = { fault in
      Journal.say(fault.message)
      _exit(CoordinatorProgram.Exit.storageFailed)
    }
    logs = try AttemptLogs(directory, software: softwareVersion, disk: disk, onFault: { die($0) })
    let layouts = LayoutCache()
    let reader = StoreReader(directory, layouts: layouts)
    pruner = LogPruner(options.logs, reader: reader, logs: logs)
    var settings = EngineSettings()
    settings.scheduler.lease = options.lease
    let state = try store.open()
    let engine = Engine(
      store: store, state: state, logs: logs, layouts: layouts, disk: disk, settings: settings,
      onFailure: die)
    self.engine = engine
    disk.begin { engine.post(.disk(isLow: $0)) }
    engineThread = Thread(name: "engine") { engine.run() }
    var agentSettings = AgentSettings()
    agentSettings.lease = options.lease
    agents = try AgentListener(
      on: options.agentListen, connections: budget.agents, token: Array(tokens.agent.utf8),
      epoch: state.epoch,
      settings: agentSettings, logs: logs, engine: engine)
    Failpoint.agentsPortAfter.pass()
    gate = ServiceGate(engine: engine, disk: disk)
    let api = RestAPI(
      service: gate, reader: reader, logs: logs, access: options.isOpen ? .open : .token(tokens.admin))
    var limits = HTTPLimits()
    limits.connections = budget.rest
    limits.lingering = budget.lingering
    http = try HTTPServer(
      listen: ListenAddress(host: options.listen.host, port: options.listen.port), limits: limits,
      responder: api)
    endpoints = Endpoints(http: http.address.description, agents: agents.address.description)
    Failpoint.endpointsWriteBefore.pass()
    try writeEndpoints()
    Failpoint.endpointsWriteAfter.pass()
    gate.open()
    pruner.begin()
  }

  /// Answers what was accepted, commits, ends. Tasks go on at their agents.
  func stop() {
    gate.close()
    Failpoint.stopSignalAfter.pass()
    http.stop()
    agents.stop()
    Failpoint.stopPortsAfter.pass()
    engine.stop()
    engineThread.join()
    Failpoint.stopEngineAfter.pass()
    pruner.stop()
    logs.close()
    disk.stop()
    Failpoint.stopLogsAfter.pass()
    _ = unlink(directory.file(DefaultPaths.endpointsFile))
  }

  private func writeEndpoints() throws(StoreFault) {
    var writer = JSONWriter()
    writer.object {
      $0.member("http", endpoints.http)
      $0.member("agents", endpoints.agents)
      $0.member("pid", getpid())
    }
    do throws(SystemError) {
      try Files.writeAtomically(
        writer.take() + [UInt8(ascii: "\n")], to: directory.file(DefaultPaths.endpointsFile))
    } catch {
      throw StoreFault(error)
    }
  }
}

/// The Engine as routes see it: open between the end of recovery and the beginning of the stop.
final class ServiceGate: RunService {
  private let engine: Engine
  private let disk: DiskWatch
  private let isOpen = Atomic(false)

  init(engine: Engine, disk: DiskWatch) {
    self.engine = engine
    self.disk = disk
  }

  func open() { isOpen.store(true, ordering: .releasing) }
  func close() { isOpen.store(false, ordering: .releasing) }

  var isServing: Bool { isOpen.load(ordering: .acquiring) }

  var isDiskFull: Bool { disk.isLow }

  private static let closed = Refusal(
    .unavailable, "the coordinator is starting or stopping: try again shortly")

  func submit(_ plan: RunPlan, reply: @escaping @Sendable (Result<RunID, Refusal>) -> Void) {
    guard isServing else { return reply(.failure(Self.closed)) }
    engine.post(.submit(plan, reply))
  }

  func perform(_ command: RunCommand, reply: @escaping @Sendable (Result<Void, Refusal>) -> Void) {
    guard isServing else { return reply(.failure(Self.closed)) }
    engine.post(.command(command, reply))
  }

  func agents(reply: @escaping @Sendable ([AgentStatus]) -> Void) { engine.post(.askAgents(reply)) }
}
