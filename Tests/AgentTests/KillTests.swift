import Glibc
import Protocol
import System
import Testing

/// Ends that the agent brings about: nothing of an attempt is left when they are told.
struct KillTests {
  private let coordinator: ScriptedCoordinator
  private let agent: AgentProcess
  private let session: ScriptedSession

  init() throws {
    coordinator = try ScriptedCoordinator()
    agent = try AgentProcess(coordinator.address)
    session = try coordinator.accept()
    session.welcome()
  }

  @Test func `a killed task takes its background processes with it`() {
    session.start(1, shell("sleep 300 & echo $$ $!; sleep 300"))
    let pids = session.line(1).split(separator: " ").map(String.init)
    #expect(pids.allSatisfy(isAlive))
    session.send([.kill(Fence(1), graceSeconds: nil, reason: "by a person")])
    let result = session.finish(Fence(1)).result
    #expect(!pids.contains(where: isAlive))
    #expect(result.rc == 143)
    #expect(result.words == "killed: by a person; ended by signal 15 (SIGTERM)")
  }

  @Test func `a task that ignores SIGTERM gets SIGKILL after the grace`() {
    session.start(1, shell("trap '' TERM; echo $$; while :; do sleep 300; done"))
    let pid = session.line(1)
    session.send([.kill(Fence(1), graceSeconds: 1, reason: "")])
    let result = session.finish(Fence(1)).result
    #expect(result.rc == 137 && !isAlive(pid))
  }

  @Test func `what a task leaves running when it ends is killed`() {
    session.start(1, shell("sleep 300 >/dev/null 2>&1 & echo $!"))
    let pid = session.line(1)
    #expect(session.finish(Fence(1)).result.rc == 0)
    #expect(!isAlive(pid))
  }

  @Test func `what left the session is found and killed`() {
    session.start(1, shell("setsid sh -c 'setsid sleep 300 & echo $!; sleep 300' & sleep 0.2"))
    let pid = session.line(1)
    #expect(session.finish(Fence(1)).result.rc == 0)
    #expect(!isAlive(pid))
  }

  @Test func `what left the session and its environment is found and killed`() {
    session.start(1, shell("env -i /usr/bin/setsid /bin/sh -c 'echo $$; exec /bin/sleep 300' & sleep 0.2"))
    let pid = session.line(1)
    #expect(session.finish(Fence(1)).result.rc == 0)
    #expect(!isAlive(pid))
  }

  /// One with much memory takes a while to go, and has neither environment nor session of its attempt then.
  @Test func `what takes long to die is waited for`() {
    session.start(1, shell("exec sleep 300"))
    session.started(1)
    let dying =
      "x=$(head -c 200000000 /dev/zero | tr \"\\\\0\" x); echo $$ > dying; mkfifo never; read y < never"
    session.start(2, shell("setsid sh -c '\(dying)' & while [ ! -s dying ]; do sleep 0.01; done; cat dying"))
    let pid = session.line(2)
    #expect(session.finish(Fence(2)).result.rc == 0)
    #expect(!isAlive(pid))
  }

  @Test func `an orphan of a running task is left alone`() {
    session.start(1, shell("(setsid sh -c 'echo $$; exec sleep 300' &) ; sleep 300"))
    let pid = session.line(1)
    #expect(session.run(2, shell("exit 0")).result.rc == 0)
    #expect(isAlive(pid))
    session.send([.kill(Fence(1), graceSeconds: nil, reason: "")])
    _ = session.finish(Fence(1))
    #expect(!isAlive(pid))
  }

  @Test func `a pipe that is held elsewhere does not hold back the end`() {
    let finished = session.run(1, shell("setsid sleep 300 & echo done"))
    #expect(finished.text == "done\n")
  }

  @Test func `a time limit ends a task and is said`() {
    let result = session.run(1, shell("sleep 300", timeout: 1)).result
    #expect(result.kind == .timeLimit && result.rc == 143)
    #expect(result.words.contains("time limit of 1 s"))
  }

  @Test func `what waits is revoked, what runs is not`() {
    session.start(1, shell("sleep 300", cores: 2))
    session.start(2, shell("exit 0"))
    session.started(1)
    session.send([.revoke(Fence(2)), .revoke(Fence(1))])
    #expect(session.next() == .revoked(Fence(2)))
    guard case .started(Fence(1), _) = session.next() else { return #expect(Bool(false)) }
    session.send([.kill(Fence(1), graceSeconds: 0, reason: "")])
    #expect(session.finish(Fence(1)).result.rc != 0)
  }

  @Test func `an agent that is told to stop ends its tasks, hands them back and says goodbye`() {
    session.start(1, shell("trap 'echo bye; exit 9' TERM; echo $$; while :; do sleep 0.01; done", cores: 2))
    session.start(2, shell("exit 0"))
    let pid = session.line(1)
    agent.send(SIGTERM)
    #expect(session.next() == .handedBack(Fence(2), nil))
    let finished = session.finish(Fence(1))
    #expect(finished.result.rc == 9 && finished.text == "bye\n")
    #expect(finished.isHandedBack)
    guard case .goodbye = session.next() else { return #expect(Bool(false)) }
    session.drop()
    #expect(agent.exit() == 0)
    #expect(!isAlive(pid))
  }

  @Test func `a lease that runs out ends what runs`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    session.welcome(leaseMilliseconds: 2_000)
    session.start(1, shell("trap '' TERM; echo $$; while :; do sleep 300; done"))
    let pid = session.line(1)
    session.drop()
    // The agent dials again; nobody answers its hello.
    let again = try coordinator.accept()
    eventually { !isAlive(pid) }
    let held = again.welcome()
    // Its main process has ended; what that had started may take a moment longer.
    let result =
      if case .ended(let result)? = held.first?.phase { result } else { again.finish(Fence(1)).result }
    #expect(result.kind == .leaseExpired && result.rc == 137)
    _ = agent
  }
}
