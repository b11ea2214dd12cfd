import Foundation
import Protocol

/// `caravan up`: a coordinator and agents on this host, for trying things and for small work.
enum UpCommand {
  static let all = [
    Command(
      "up", "", "start a coordinator and agents on this host, until Ctrl-C",
      flags: [
        Flag("agents", "N", help: "how many agents (default 1)"),
        Flag("data-dir", "DIR", help: "keep all data under DIR"),
        Flag("work-dir", "DIR", help: "where tasks run that name no workingDirectory"),
        Flag("listen", "HOST:PORT", help: "REST, port 0 takes a free one (default 127.0.0.1:2503)"),
        Flag("agent-listen", "HOST:PORT", help: "agents (default 127.0.0.1:2504)"),
        Flag("cores", "N", help: "cores of each agent (default: the host's, shared by the agents)"),
        Flag("memory-mb", "M", help: "memory of each agent (default: the host's, shared by the agents)"),
      ], run: up)
  ]

  /// More agents on one host are no use but for trying how many behave.
  private static let agentsMax: Int64 = 100
  /// Seconds in which all must be ready.
  private static let startSeconds = 60.0

  private static func up(_ invocation: Invocation) throws -> ExitCode {
    let flags = invocation.flags
    let console = invocation.console
    let plan = try LocalPlan(
      flags: flags, agents: Int(try flags.integer("agents", in: 1...agentsMax) ?? 1),
      environment: invocation.environment, userID: geteuid(), host: .this)
    let stop = StopRequest.install()
    let daemons = LocalDaemons(stop: stop)
    do throws(CommandFault) {
      try start(plan, daemons, console)
      if !stop.isAsked { try daemons.untilStopIsAskedOrOneEnds() }
    } catch {
      daemons.stopAll()
      if stop.isAsked { return .fine }
      throw error
    }
    console.note("\nStopping.")
    daemons.stopAll()
    return .fine
  }

  private static func start(
    _ plan: LocalPlan, _ daemons: LocalDaemons, _ console: Console
  ) throws(CommandFault) {
    let deadline = Date().addingTimeInterval(startSeconds)
    try plan.prepare()
    let coordinator = try daemons.start(plan.coordinator)
    let announced = try daemons.wait(until: deadline, for: "the coordinator's ports") {
      () -> LocalPlan.Announced? in
      plan.announced(by: coordinator)
    }
    guard let announced else { return }
    var endpoint = try Endpoint.announced(in: plan.coordinatorFolder)
    endpoint.url = try Endpoint.url(announced.http)
    let client = endpoint.client()
    let ready = try daemons.wait(until: deadline, for: "the coordinator to be ready") { () -> Bool? in
      (try? client.call("GET", ["ready"]))?.isGood == true ? true : nil
    }
    guard ready != nil else { return }
    for index in 0..<plan.agentCount {
      _ = try daemons.start(plan.agent(index, coordinator: announced.agents))
    }
    let names = (0..<plan.agentCount).map { plan.agentName($0) }
    let there = try daemons.wait(until: deadline, for: "the agents") { () -> Bool? in
      guard let list = try? client.ask("GET", ["v1", "agents"], as: [AgentSummary].self) else { return nil }
      return names.allSatisfy { name in list.contains { $0.name == name && $0.state == "ACTIVE" } }
        ? true : nil
    }
    if there != nil { console.print(plan.welcome(url: endpoint.url, hasToken: endpoint.token != nil)) }
  }
}
