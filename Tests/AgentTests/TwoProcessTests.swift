import Glibc
import Protocol
import System
import Testing
import Transport

/// The agent's two processes: either may be killed or stopped.
struct TwoProcessTests {
  private let coordinator: ScriptedCoordinator
  private let agent: AgentProcess

  init() throws {
    coordinator = try ScriptedCoordinator()
    agent = try AgentProcess(coordinator.address)
  }

  private func connected(leaseMilliseconds: Int64 = 300_000) throws -> ScriptedSession {
    let session = try coordinator.accept()
    session.welcome(leaseMilliseconds: leaseMilliseconds)
    return session
  }

  private var link: Int32 {
    ProcessTable.pids().first { pid in
      guard ProcessTable.entry(pid)?.parent == agent.pid, let words = try? Files.read("/proc/\(pid)/cmdline")
      else { return false }
      return words.split(separator: 0).dropFirst().first?.elementsEqual("--link".utf8) ?? false
    } ?? -1
  }

  @Test func `a link that is killed is started again, and tasks do not notice`() throws {
    let session = try connected()
    session.start(1, shell("echo $$; sleep 300"))
    let pid = session.line(1)
    var last = session
    for _ in 0..<3 {
      let before = link
      kill(before, SIGKILL)
      last = try coordinator.accept()
      guard case .running? = last.welcome().first?.phase else { return #expect(Bool(false)) }
      #expect(link != before && isAlive(pid))
    }
    last.send([.kill(Fence(1), graceSeconds: nil, reason: "")])
    #expect(last.finish(Fence(1)).result.rc == 143)
  }

  @Test func `what a task prints while its agent has no link arrives whole`() throws {
    let session = try connected()
    session.start(1, shell("i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i + 1)); sleep 0.005; done"))
    session.started(1)
    kill(link, SIGKILL)
    let again = try coordinator.accept()
    again.welcome()
    let finished = again.finish(Fence(1))
    #expect(
      finished.result.rc == 0
        && finished.result.stdoutBytes == Int64((0..<400).reduce(0) { $0 + "line \($1)\n".utf8.count }))
    #expect(finished.text.hasSuffix("line 398\nline 399\n"))
  }

  @Test func `a link that is stopped is replaced before the shortest lease ends anything`() throws {
    let session = try connected(leaseMilliseconds: 10_000)
    session.start(1, shell("sleep 300"))
    session.started(1)
    let before = link
    kill(before, SIGSTOP)
    let again = try coordinator.accept()
    guard case .running? = again.welcome().first?.phase else { return #expect(Bool(false)) }
    #expect(link != before && !isAlive("\(before)"))
    again.send([.kill(Fence(1), graceSeconds: nil, reason: "")])
    #expect(again.finish(Fence(1)).result.words.hasPrefix("killed"))
  }

  @Test func `a link that is stopped while nothing runs is replaced, too, once heartbeats go unanswered`()
    throws
  {
    let session = try connected()
    // From here on the runner does not look for it any more, or soon.
    #expect(session.run(1, shell("exit 3")).result.rc == 3)
    session.send([.endsAcknowledged([Fence(1)])])
    let before = link
    eventually { session.heartbeats >= 4 }
    kill(before, SIGSTOP)
    let again = try coordinator.accept()
    again.welcome()
    #expect(link != before && !isAlive("\(before)"))
    #expect(again.run(2, shell("exit 4")).result.rc == 4)
  }

  @Test func `where the runner dies its link ends what is left and says what is lost`() throws {
    let session = try connected()
    session.start(1, shell("setsid sleep 300 & echo $$ $!; sleep 300"))
    let pids = session.line(1).split(separator: " ").map(String.init)
    session.start(2, shell("exit 3"))
    while true { if case .ended(Fence(2), _) = session.next() { break } }
    let link = link
    agent.send(SIGKILL)
    #expect(agent.exit() == 137)
    #expect(session.next() == .unfit(reason: "the agent's process died"))
    guard case .ended(Fence(1), let result) = session.next() else { return #expect(Bool(false)) }
    #expect(result.kind == .lost && result.words == "the agent's process died while it ran")
    #expect(!pids.contains(where: isAlive))
    #expect(session.end().code == .closedByPeer)
    eventually { !isAlive("\(link)") }
    // What had ended is not lost: the next start hands it in.
    let again = try AgentProcess(coordinator.address, folder: agent.folder)
    let held = try connectedList()
    #expect(
      held.contains {
        if case .ended(let result) = $0.phase { $0.fence == Fence(2) && result.rc == 3 } else { false }
      })
    _ = again
  }

  private func connectedList() throws -> [ToCoordinator.Held] { try coordinator.accept().welcome() }

  @Test func `what an agent that is stopped leaves running ends with its lease all the same`() throws {
    let session = try connected(leaseMilliseconds: 3_000)
    session.start(1, shell("trap '' TERM; setsid sleep 300 & echo $$ $!; sleep 300"))
    let pids = session.line(1).split(separator: " ").map(String.init)
    session.start(2, shell("echo $$; sleep 300", cores: 0.5), lease: .endless)
    let other = session.line(2)
    agent.send(SIGSTOP)
    eventually { !pids.contains(where: isAlive) }
    #expect(isAlive(other))
    agent.send(SIGCONT)
    let result = session.finish(Fence(1)).result
    #expect(result.kind == .leaseExpired, "\(result)")
    #expect(isAlive(other))
  }
}
