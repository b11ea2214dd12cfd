import Foundation
import Glibc
import Protocol
import System
import Testing

/// The connection lost, refused, late; the agent killed and started again.
struct ConnectionTests {
  @Test func `the hello says who this is and what it has`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address, options: ["--label", "disk=fast", "--label", "rack=7"])
    let hello = try coordinator.accept().hello()
    #expect(hello.name == "anna" && hello.token == "secret" && hello.pid == agent.pid)
    #expect(hello.capacity == ResourceVector(milliCores: 2000, memoryMB: 1000))
    #expect(hello.labels == ["disk": "fast", "rack": "7"])
    #expect(hello.incarnation.startNumber == 1 && !hello.incarnation.directoryID.isEmpty)
    #expect(hello.incarnation.bootID == (try HostFacts.bootID()))
  }

  @Test func `an agent whose coordinator is not there waits, says why, and comes`() throws {
    let address = try ScriptedCoordinator().address
    let agent = try AgentProcess(address)
    agent.waitUntilSaid("waiting for the coordinator at \(address): cannot reach")
    let coordinator = try ScriptedCoordinator(on: address)
    let session = try coordinator.accept()
    session.welcome()
    #expect(session.run(1, shell("exit 5")).result.rc == 5)
    #expect(agent.said.split(separator: "\n").count { $0.contains("waiting") } == 1)
  }

  @Test func `a refusal for good ends the agent with 1 and its words`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    _ = session.hello()
    session.send([.refused(code: .badToken, message: "the token is wrong", retryable: false)])
    #expect(agent.exit() == 1)
    #expect(agent.said.contains("the token is wrong"))
  }

  @Test func `a refusal that may pass is said and tried again`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    _ = session.hello()
    session.send([.refused(code: .nameInUse, message: "the name anna is in use", retryable: true)])
    try coordinator.accept().welcome()
    #expect(agent.said.contains("the name anna is in use"))
  }

  @Test func `what is not of this protocol ends the connection, not the agent`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    _ = session.hello()
    session.send([.heartbeatAcknowledged(1)])
    try coordinator.accept().welcome()
    _ = agent
  }

  @Test func `tasks run on while the connection is lost, and their ends and output come after it`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let first = try coordinator.accept()
    first.welcome()
    let mark = agent.folder + "/go"
    first.start(1, shell("echo one; until test -e \(mark); do sleep 0.01; done; echo two; exit 7"))
    first.start(2, shell("sleep 300"))
    #expect(first.line(1) == "one")
    first.drop()
    let second = try coordinator.accept()
    close(creat(mark, 0o600))
    // Not welcome yet: the end happens meanwhile, or after; both must come out the same.
    let held = second.welcome()
    #expect(held.map(\.fence).sorted() == [Fence(1), Fence(2)])
    let finished = second.finish(Fence(1))
    #expect(finished.result.rc == 7)
    #expect(finished.text.hasSuffix("two\n"))
    second.drop()
    let third = try coordinator.accept()
    let rest = third.welcome()
    #expect(rest.contains { $0.fence == Fence(2) })
    #expect(!rest.contains { $0.fence == Fence(1) }, "its end was acknowledged")
    third.send([.kill(Fence(2), graceSeconds: 0, reason: "")])
    _ = third.finish(Fence(2))
  }

  @Test func `an agent that leaves is told what is acknowledged before it forgets it`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    session.welcome()
    session.start(1, shell("exit 3"))
    session.start(2, shell("exit 4"))
    var ends = 0
    while ends < 2 { if case .ended = session.next() { ends += 1 } }
    agent.send(SIGTERM)
    while true { if case .goodbye = session.next() { break } }
    // The first is on this coordinator's disk; it dies before it has the second there.
    session.send([.endsAcknowledged([Fence(1)])])
    session.drop()
    #expect(agent.exit() == 0)
    let again = try AgentProcess(coordinator.address, folder: agent.folder)
    let held = try coordinator.accept().welcome()
    #expect(held.map(\.fence) == [Fence(2)])
    guard case .ended(let result)? = held.first?.phase else { return #expect(Bool(false)) }
    #expect(result.rc == 4)
    _ = again
  }

  @Test func `an end is told again until it is acknowledged`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let first = try coordinator.accept()
    first.welcome()
    first.start(1, shell("exit 3"))
    while true { if case .ended = first.next() { break } }
    first.drop()
    let second = try coordinator.accept()
    guard case .ended(let result)? = second.welcome().first?.phase else { return #expect(Bool(false)) }
    #expect(result.rc == 3)
    second.start(1, shell("exit 3"))
    guard case .ended(Fence(1), result) = second.next() else { return #expect(Bool(false)) }
    second.send([.endsAcknowledged([Fence(1)])])
    _ = second.run(2, shell("exit 0"))
    second.drop()
    #expect(try coordinator.accept().welcome().isEmpty)
    _ = agent
  }

  @Test func `a killed agent's leftovers are swept before the next start's hello`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let first = try coordinator.accept()
    first.welcome()
    first.start(1, shell("setsid sleep 300 & echo $$ $!; wait"))
    let pids = first.line(1).split(separator: " ").map(String.init)
    agent.send(SIGKILL)
    #expect(agent.exit() == 137)
    let next = try AgentProcess(coordinator.address, folder: agent.folder)
    let second = try coordinator.accept()
    let hello = second.hello()
    #expect(!pids.contains(where: isAlive))
    #expect(hello.incarnation.startNumber == 2)
    _ = next
  }

  @Test func `what a killed agent had not handed in is handed in by the next start`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let first = try coordinator.accept()
    first.welcome()
    let mark = agent.folder + "/go"
    first.start(1, shell("until test -e \(mark); do sleep 0.01; done; seq 1 100000; exit 6"))
    first.start(2, shell("echo so far; sleep 300"))
    first.keepOutputUnacknowledged()
    first.started(1)
    #expect(first.line(2) == "so far")
    first.drop()
    // Connected, but not welcome: the end has nowhere to go.
    let second = try coordinator.accept()
    _ = second.hello()
    close(creat(mark, 0o600))
    let spool = agent.folder + "/data/spool/1.attempts"
    eventually { (Files.line(spool) ?? "").contains("\"ended\"") }
    agent.send(SIGKILL)
    _ = agent.exit()
    let next = try AgentProcess(coordinator.address, folder: agent.folder)
    let third = try coordinator.accept()
    let held = third.welcome()
    #expect(held.count == 2)
    for item in held {
      guard case .ending = item.phase else { return #expect(Bool(false), "its output comes first") }
    }
    let finished = third.finish([Fence(1), Fence(2)])
    #expect(finished[0].result.rc == 6)
    #expect(finished[0].stdout.count == 588_895)
    #expect(finished[1].result.kind == .lost && finished[1].result.rc == -1)
    #expect(finished[1].text == "so far\n", "what was not acknowledged comes again")
    _ = next
  }

  /// The one fits the spool, the other goes into a file.
  @Test(arguments: [10, 5_000])
  func `what a task printed before its end survives its agent's death, though nobody was away`(lines: Int)
    throws
  {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let first = try coordinator.accept()
    first.welcome()
    first.keepOutputUnacknowledged()
    first.start(1, shell("seq 1 \(lines); echo over >&2"))
    let spool = agent.folder + "/data/spool/1.attempts"
    eventually { (Files.line(spool) ?? "").contains("\"ended\"") }
    agent.send(SIGKILL)
    _ = agent.exit()
    for start in 2...3 {
      let next = try AgentProcess(coordinator.address, folder: agent.folder)
      let session = try coordinator.accept()
      if start == 2 { session.keepOutputUnacknowledged() }
      session.welcome()
      if start == 2 {
        // This one dies before it hands in anything.
        next.send(SIGKILL)
        _ = next.exit()
        continue
      }
      let finished = session.finish(Fence(1))
      #expect(finished.result.rc == 0 && !finished.isCut)
      #expect(finished.text == (1...lines).map { "\($0)\n" }.joined())
      #expect(finished.stderr == Array("over\n".utf8))
      _ = next
    }
  }

  @Test func `output that the disk loses after the end is told with the end`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    session.welcome()
    session.keepOutputUnacknowledged()
    session.start(1, shell("seq 1 200000; echo over >&2"))
    // The window is full, the rest waits in a file, and the end behind it.
    let spool = agent.folder + "/data/spool"
    eventually { (Files.line(spool + "/1.attempts") ?? "").contains("\"ended\"") }
    #expect(truncate(spool + "/1.stdout.0.16-48", 0) == 0)
    session.send([.outputAcknowledged(Fence(1), .stdout, offset: 100_000)])
    let finished = session.finish(Fence(1))
    #expect(finished.result.rc == 0 && finished.result.stdoutBytes == 1_288_895)
    #expect(finished.result.words.contains("output was lost"), "\(finished.result.words)")
    #expect(finished.isCut && finished.stdout.count < 1_288_895)
    _ = agent
  }

  @Test func `a second agent on the same data directory is refused in words`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    try coordinator.accept().welcome()
    let second = try AgentProcess(coordinator.address, folder: agent.folder)
    #expect(second.exit() == 70)
    #expect(second.said.contains("in use by another process (pid \(agent.pid))"))
  }

  @Test func `an agent whose hello no coordinator would take says so and ends`() throws {
    let coordinator = try ScriptedCoordinator()
    for bytes in [5_000, 100_000] {
      let agent = try AgentProcess(
        coordinator.address, options: ["--label", "a=" + String(repeating: "x", count: bytes)])
      #expect(agent.exit() == 1)
      #expect(agent.said.contains("--label"), "\(agent.said)")
    }
  }

  @Test func `a work directory that is none is refused at the start`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address, options: ["--work-dir", "/etc/passwd"])
    #expect(agent.exit() == 70)
    #expect(agent.said.contains("--work-dir /etc/passwd"), "\(agent.said)")
  }
}
