import Foundation
import Protocol
import Testing

@testable import CLI

@Suite struct LocalPlanTests {
  private let host = LocalPlan.Host(name: "here", cores: 8, memoryMB: 10_000, programs: "/opt/caravan")

  private func plan(_ words: [String] = [], agents: Int = 1, userID: UInt32 = 1000) throws -> LocalPlan {
    let flags = try FlagParser(UpCommand.all[0].flags).parse(words)
    return try LocalPlan(
      flags: flags, agents: agents, environment: ["HOME": "/home/a"], userID: userID, host: host)
  }

  @Test func `one agent takes the whole host and the default folders`() throws {
    let plan = try plan()
    #expect(plan.coordinator.flags == ["--data-dir", "/home/a/.local/share/caravan/coordinator"])
    #expect(
      plan.agent(0, coordinator: "127.0.0.1:2504").flags == [
        "--coordinator", "127.0.0.1:2504", "--name", "here", "--data-dir",
        "/home/a/.local/share/caravan/agent",
        "--token-file", "/home/a/.local/share/caravan/coordinator/agent.token",
      ])
  }

  @Test func `several agents share the host and nothing else`() throws {
    let plan = try plan(["--data-dir", "/x"], agents: 3, userID: 0)
    let agents = (0..<3).map { plan.agent($0, coordinator: "c:1") }
    #expect(Set(agents.map(\.log)).count == 3)
    #expect(agents[0].flags.contains("/x/agent") && agents[2].flags.contains("/x/agent-3"))
    for agent in agents {
      #expect(agent.flags.contains("--allow-root"))
      #expect(
        Array(agent.flags.drop { $0 != "--cores" }.prefix(4)) == ["--cores", "2", "--memory-mb", "3000"])
    }
    #expect((0..<3).map { plan.agentName($0) } == ["here", "here-2", "here-3"])
  }

  @Test func `what is said goes to the daemons`() throws {
    let plan = try plan(
      ["--listen", "127.0.0.1:0", "--cores=1", "--work-dir", "/tmp", "--memory-mb", "300"], agents: 2)
    #expect(plan.coordinator.flags.suffix(2) == ["--listen", "127.0.0.1:0"])
    let flags = plan.agent(1, coordinator: "c:1").flags
    #expect(flags.suffix(6) == ["--work-dir", "/tmp", "--cores", "1", "--memory-mb", "300"])
  }

  @Test func `a work folder that is not there is said before anything starts`() {
    let fault = #expect(throws: CommandFault.self) { try plan(["--work-dir", "/nonexistent/w"]) }
    #expect(fault?.code == .usage)
  }

  @Test func `what to type next names the place where it is not the usual one`() throws {
    let url = try #require(URL(string: "http://127.0.0.1:2503"))
    let usual = try plan().welcome(url: url, hasToken: true)
    #expect(!usual.contains("CARAVAN_URL"))
    let elsewhere = try plan(["--data-dir", "/x"]).welcome(url: url, hasToken: true)
    #expect(
      elsewhere.contains(
        "export CARAVAN_URL=http://127.0.0.1:2503 CARAVAN_TOKEN_FILE=/x/coordinator/admin.token"))
  }
}
