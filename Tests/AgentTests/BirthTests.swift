import Foundation
import Glibc
import Protocol
import System
import Testing

/// Attempts between the order to start them and their program's execution.
struct BirthTests {
  private let coordinator: ScriptedCoordinator

  init() throws { coordinator = try ScriptedCoordinator() }

  private func connected(_ agent: AgentProcess? = nil) throws -> (AgentProcess, ScriptedSession) {
    let agent = try agent ?? AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    session.welcome()
    return (agent, session)
  }

  // MARK: A file system that does not answer

  private static let program =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/hanging-agent"

  private static let canHang = {
    let probe = Process()
    probe.executableURL = URL(fileURLWithPath: program)
    probe.environment = ["PATH": "/usr/bin:/bin", "AGENT": "/bin/true", "HANGING": "/mnt"]
    probe.standardError = FileHandle.nullDevice
    guard (try? probe.run()) != nil else { return false }
    probe.waitUntilExit()
    return probe.terminationStatus == 0
  }()

  /// A directory in which every call waits for ever, as an agent sees it.
  private final class HangingPlace {
    let path = FileManager.default.temporaryDirectory.path + "/caravan-hang-" + Random.hex(bytes: 8)

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { rmdir(path) }

    func agent(_ coordinator: HostPort) throws -> AgentProcess {
      try AgentProcess(
        coordinator, environment: ["AGENT": AgentProcess.program, "HANGING": path],
        program: BirthTests.program)
    }
  }

  @Test(.enabled(if: canHang))
  func `a working directory that does not answer holds up nobody else, and its attempt can be killed`() throws
  {
    let place = try HangingPlace()
    let (agent, session) = try connected(place.agent(coordinator.address))
    session.start(1, Job(command: ["/bin/true"], workingDirectory: place.path, killGraceSeconds: 0))
    session.started(1)
    #expect(session.run(2, shell("echo here")).text == "here\n")
    // It hangs for as long as its mount is dead; the agent has its own score for when memory runs out all the same.
    eventually { score(agent.pid) == score(getpid()) }
    agent.send(SIGHUP)
    agent.waitUntilSaid("a new program takes over once all programs that were started have begun (1 have not")
    session.send([.kill(Fence(1), graceSeconds: 1, reason: "")])
    let result = session.finish(Fence(1)).result
    #expect(result.rc == 137 && result.stopped == .killed, "\(result)")
    let next = try coordinator.accept()
    #expect(next.welcome().isEmpty)
    #expect(next.run(3, shell("echo there")).text == "there\n")
    agent.waitUntilSaid("took over")
  }

  @Test(.enabled(if: canHang))
  func `a time limit ends what does not begin`() throws {
    let place = try HangingPlace()
    let (agent, session) = try connected(place.agent(coordinator.address))
    let job = Job(
      command: ["/bin/true"], workingDirectory: place.path, timeoutSeconds: 1, killGraceSeconds: 0)
    #expect(session.run(1, job).result.kind == .timeLimit)
    _ = agent
  }

  @Test(.enabled(if: canHang))
  func `what has not begun is gone with its agent`() throws {
    let place = try HangingPlace()
    let (agent, session) = try connected(place.agent(coordinator.address))
    session.start(1, Job(command: ["/bin/true"], workingDirectory: place.path, killGraceSeconds: 0))
    session.started(1)
    let link = links(of: agent)
    let child = try #require(
      ProcessTable.family(of: agent.pid).first { $0 != agent.pid && !link.contains($0) })
    agent.send(SIGKILL)
    eventually { !isAlive("\(child)") }
  }

  // MARK: The kernel's choice where memory runs out

  private func score(_ pid: Int32) -> String { Files.line("/proc/\(pid)/oom_score_adj") ?? "" }

  @Test func `tasks are taken first where memory runs out, and the agent's own score is back soon after`()
    throws
  {
    let (agent, session) = try connected()
    let own = score(getpid())
    #expect(score(agent.pid) == own)
    for fence in 1...20 {
      #expect(session.run(Int64(fence), shell("cat /proc/$$/oom_score_adj")).text == "500\n")
    }
    eventually { score(agent.pid) == own }
    // What was started meanwhile keeps its own.
    session.start(21, shell("echo $$; sleep 300"))
    let task = try #require(Int32(session.line(21)))
    eventually { score(agent.pid) == own }
    #expect(score(task) == "500")
  }

  @Test func `another link has the agent's own score`() throws {
    let (agent, session) = try connected()
    let own = score(getpid())
    session.start(1, shell("sleep 300"))
    session.started(1)
    let link = try #require(links(of: agent).first)
    kill(link, SIGKILL)
    let next = try coordinator.accept()
    next.welcome()
    #expect(links(of: agent).map(score) == [own])
  }

  private func links(of agent: AgentProcess) -> [Int32] {
    ProcessTable.family(of: agent.pid).filter {
      Files.line("/proc/\($0)/cmdline")?.contains("--link") == true
    }
  }

  // MARK: Less than was asked for

  private static let cpusets = ControlGroups.ownFolder(of: "cpuset")
  private static let canShrink =
    sysconf(Int32(_SC_NPROCESSORS_ONLN)) >= 2
    && cpusets.map { access($0 + "/cpuset.cpus", W_OK) == 0 } == true

  /// A set of CPUs for one test.
  private final class Cpuset {
    let folder: String

    init(_ cpus: String, in parent: String) throws {
      folder = parent + "/caravan-try-" + Random.hex(bytes: 8)
      try #require(mkdir(folder, 0o700) == 0)
      for (name, text) in [("cpuset.cpus", cpus), ("cpuset.mems", "0")] {
        try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
      }
    }

    func take(_ pid: Int32) throws {
      try "\(pid)".write(toFile: folder + "/cgroup.procs", atomically: false, encoding: .utf8)
    }

    deinit { eventually { rmdir(folder) == 0 } }
  }

  @Test(.enabled(if: canShrink))
  func `what cannot have its CPUs any more runs on others, and says so`() throws {
    let set = try Cpuset("0", in: #require(Self.cpusets))
    let (agent, session) = try connected()
    defer {
      agent.send(SIGKILL)
      _ = agent.exit()
    }
    try set.take(agent.pid)
    let text = "grep Cpus_allowed_list /proc/self/status | cut -f 2; until [ -e go ]; do sleep 0.01; done"
    let job = Job(
      command: ["/bin/sh", "-c", text], needs: ResourceVector(milliCores: 1000, memoryMB: 1),
      world: Job.World(isPinned: true))
    session.start(1, job)
    #expect(session.line(1) == "0")
    session.start(2, job)
    #expect(session.line(2) == "0")
    session.start(3, shell("touch go", cores: 0))
    let results = session.finish([Fence(1), Fence(2)]).map(\.result)
    #expect(results.map(\.rc) == [0, 0])
    #expect(
      results[0].words.isEmpty && results[1].words.hasPrefix("not pinned: cannot be pinned to its CPUs"),
      "\(results)")
  }
}
