import Foundation
import Glibc
import Protocol
import System
import Testing

/// SIGHUP: another program takes over while tasks run.
struct HandoverTests {
  private let coordinator: ScriptedCoordinator

  init() throws { coordinator = try ScriptedCoordinator() }

  @Test func `tasks go on, with their output, limits and kills, and no start is counted`() throws {
    let agent = try AgentProcess(coordinator.address, cores: 8)
    let first = try coordinator.accept()
    let hello = first.hello()
    first.answer()
    first.start(
      1, shell("i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i + 1)); sleep 0.005; done; exit 7"))
    first.start(2, shell("echo up; sleep 300", timeout: 4))
    first.start(3, shell("trap 'echo told' TERM; echo up; while :; do sleep 0.01; done", grace: 1))
    first.start(
      4,
      shell(
        "echo up; sleep 3; head -c 300M /dev/zero | tr '\\000' x | tail -n 1 | wc -c", cores: 0.1,
        memoryMB: 64))
    first.start(5, shell("exit 3"))
    var ready: Set<Fence> = []
    var hasEnded = false
    while ready.count < 4 || !hasEnded {
      switch first.next() {
      case .output(let fence, _, _, _): ready.insert(fence)
      case .ended(Fence(5), _): hasEnded = true
      default: break
      }
    }
    first.send([.kill(Fence(3), graceSeconds: nil, reason: "")])
    // The kill is under way when the program is replaced.
    #expect(first.line(3) == "told")
    agent.send(SIGHUP)
    let second = try coordinator.accept()
    let again = second.hello()
    #expect(again.incarnation == hello.incarnation && again.pid == agent.pid)
    let held = second.answer()
    #expect(Set(held.map(\.fence)) == [Fence(1), Fence(2), Fence(3), Fence(4), Fence(5)])
    // It had ended before.
    let ended = held.first { $0.fence == Fence(5) }
    guard case .ended(let early)? = ended?.phase else { return #expect(Bool(false)) }
    #expect(early.rc == 3)
    second.send([.endsAcknowledged([Fence(5)])])
    let ends = second.finish([Fence(1), Fence(2), Fence(3), Fence(4)])
    #expect(ends[0].result.rc == 7 && ends[0].text.hasSuffix("line 298\nline 299\n"))
    #expect(ends[0].result.stdoutBytes == Int64((0..<300).reduce(0) { $0 + "line \($1)\n".utf8.count }))
    #expect(ends[1].result.kind == .timeLimit)
    #expect(ends[2].result.rc == 137 && ends[2].result.words.hasPrefix("killed"))
    #expect(ends[3].result.kind == .memoryLimit, "\(ends[3].result)")
    #expect(second.run(6, shell("exit 4")).result.rc == 4)
    agent.send(SIGTERM)
    while true { if case .goodbye = second.next() { break } }
    second.drop()
    #expect(agent.exit() == 0)
  }

  @Test func `a task that has closed its output goes on`() throws {
    let agent = try AgentProcess(coordinator.address)
    var session = try coordinator.accept()
    session.welcome()
    session.start(1, shell("echo up; exec >&- 2>&-; until [ -e go ]; do sleep 0.01; done; exit 6"))
    #expect(session.line(1) == "up")
    agent.send(SIGHUP)
    session = try coordinator.accept()
    #expect(session.welcome().map(\.fence) == [Fence(1)])
    session.start(3, shell("touch go"))
    #expect(session.finish(Fence(1)).result.rc == 6)
    _ = agent
  }

  @Test func `many follow each other, and each task ends once`() throws {
    let agent = try AgentProcess(coordinator.address, cores: 4)
    var session = try coordinator.accept()
    session.welcome()
    session.start(1, shell("for i in $(seq 100); do echo $i; sleep 0.05; done"))
    session.started(1)
    for _ in 0..<6 {
      agent.send(SIGHUP)
      session = try coordinator.accept()
      #expect(session.welcome().map(\.fence) == [Fence(1)])
    }
    let finished = session.finish(Fence(1))
    #expect(finished.result.rc == 0 && finished.text.hasSuffix("99\n100\n"))
    #expect(agent.said.components(separatedBy: "took over").count == 7)
  }

  @Test func `a program that cannot take over does not, and the agent goes on`() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/caravan-handover-" + Random.hex(bytes: 8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let program = folder + "/caravan-agent"
    // A copy might still be open for writing in a process that another test forks just then.
    try FileManager.default.linkItem(atPath: AgentProcess.program, toPath: program)
    let agent = try AgentProcess(coordinator.address, program: program)
    let session = try coordinator.accept()
    session.welcome()
    session.start(1, shell("echo up; sleep 300"))
    #expect(session.line(1) == "up")
    for (text, words) in [
      ("#!/bin/sh\necho 999\n", "takes over format 999"), ("no program", "cannot be executed"),
      ("#!/bin/sh\nexit 0\n", "does not say what it can take over"),
    ] {
      try FileManager.default.removeItem(atPath: program)
      try text.write(toFile: program, atomically: true, encoding: .utf8)
      chmod(program, 0o755)
      eventually {
        agent.send(SIGHUP)
        usleep(50_000)
        return agent.said.contains(words)
      }
    }
    session.send([.kill(Fence(1), graceSeconds: nil, reason: "")])
    #expect(session.finish(Fence(1)).result.rc == 143)
  }
}
