import Foundation
import Glibc
import Protocol
import System
import Testing

/// What SIGKILL does not end, as processes on a dead mount: here they are in a frozen group of the old freezer.
struct StuckTests {
  private final class Freezer {
    let folder: String
    private var isFrozen = false

    init?() {
      guard let own = ControlGroups.ownFolder(of: "freezer") else { return nil }
      folder = own + "/caravan-try-" + Random.hex(bytes: 8)
      guard mkdir(folder, 0o700) == 0 else { return nil }
    }

    deinit {
      if isFrozen { try? thaw() }
      // It takes a moment until what was in it has left.
      eventually { rmdir(folder) == 0 || errno == ENOENT }
    }

    func freeze(_ pid: Int32) throws {
      try write("\(pid)", "cgroup.procs")
      try write("FROZEN", "freezer.state")
      isFrozen = true
      eventually { Files.line(folder + "/freezer.state") == "FROZEN" }
    }

    func thaw() throws {
      try write("THAWED", "freezer.state")
      isFrozen = false
    }

    private func write(_ text: String, _ file: String) throws {
      let fd = open("\(folder)/\(file)", O_WRONLY)
      defer { close(fd) }
      try #require(Glibc.write(fd, text, text.utf8.count) == text.utf8.count)
    }
  }

  private static var canFreeze: Bool { Freezer() != nil }

  @Test(.enabled(if: canFreeze))
  func `an agent with a task that does not die says so, takes no new work, and does once that is gone`()
    throws
  {
    let freezer = try #require(Freezer())
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(coordinator.address, options: ["--stuck-seconds", "1"])
    let session = try coordinator.accept()
    session.welcome()
    session.start(1, shell("echo $$; exec sleep 300"))
    let pid = try #require(Int32(session.line(1)))
    try freezer.freeze(pid)
    session.send([.kill(Fence(1), graceSeconds: 0, reason: "no more")])
    let words = unfitness(session)
    #expect(words == "attempt 1 does not die (processes \(pid))")
    session.start(2, shell("true"))
    #expect(handedBack(session) == Fence(2))
    // On a new connection it says so again, and what does not die is in its list.
    session.drop()
    let second = try coordinator.accept()
    let list = second.welcome()
    #expect(list.map(\.fence) == [Fence(1)])
    #expect(unfitness(second) == words)
    try freezer.thaw()
    var isFit = false
    var end: AttemptResult?
    while !isFit || end == nil {
      switch second.next() {
      case .ended(Fence(1), let result): end = result
      case .unfit(let reason): isFit = reason.isEmpty
      default: break
      }
    }
    #expect(end?.stopped == .killed)
    #expect(second.run(3, shell("exit 4")).result.rc == 4)
    #expect(agent.said.contains("what did not die is gone"))
  }

  private func unfitness(_ session: ScriptedSession) -> String {
    while true { if case .unfit(let reason) = session.next() { return reason } }
  }

  private func handedBack(_ session: ScriptedSession) -> Fence {
    while true { if case .handedBack(let fence, nil) = session.next() { return fence } }
  }
}
