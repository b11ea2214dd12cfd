import Foundation
import Glibc
import Protocol
import System
import Testing

/// Where the host lets agents make control groups; as root it does.
struct ControlGroupTests {
  private static let hasUnified = canMakeGroup(in: "")
  private static let hasMemory = canMakeGroup(in: "memory")

  private static func canMakeGroup(in controller: String) -> Bool {
    guard let own = ControlGroups.ownFolder(of: controller) else { return false }
    let folder = own + "/caravan-try-" + Random.hex(bytes: 8)
    guard mkdir(folder, 0o700) == 0 else { return false }
    return rmdir(folder) == 0
  }

  private let coordinator: ScriptedCoordinator

  init() throws { coordinator = try ScriptedCoordinator() }

  private func connected(_ options: [String] = [], folder: String? = nil) throws -> (
    AgentProcess, ScriptedSession
  ) {
    let agent = try AgentProcess(coordinator.address, folder: folder, options: options)
    let session = try coordinator.accept()
    session.welcome()
    return (agent, session)
  }

  /// Takes so much in one process: `tail` keeps a line that does not end.
  private func hog(megabytes: Int) -> String {
    "head -c \(megabytes << 20) /dev/zero | tr '\\000' x | tail -n 1 | wc -c"
  }

  private func limited(_ text: String, memoryMB: Int64) -> Job {
    shell(text, memoryMB: memoryMB)
  }

  private func groups(of agent: AgentProcess) throws -> [String] {
    let id = try #require(Files.line(agent.folder + "/data/id"))
    return ["", "memory"].compactMap { ControlGroups.ownFolder(of: $0).map { "\($0)/caravan-\(id)" } }
      .filter { access($0, F_OK) == 0 }
  }

  @Test(.enabled(if: hasUnified))
  func `what hides from its task is found though others run, and they go on`() throws {
    let (agent, session) = try connected()
    session.start(1, shell("echo up; sleep 300"))
    #expect(session.line(1) == "up")
    session.start(2, shell("env -i /usr/bin/setsid /bin/sh -c 'echo $$; exec /bin/sleep 300' & sleep 0.2"))
    let pid = session.line(2)
    #expect(session.finish(Fence(2)).result.rc == 0)
    #expect(!isAlive(pid))
    session.send([.kill(Fence(1), graceSeconds: nil, reason: "")])
    #expect(session.finish(Fence(1)).result.rc == 143)
    _ = agent
  }

  @Test(.enabled(if: hasUnified))
  func `what hides from its task does not outlive an agent that is killed and started again`() throws {
    let (agent, session) = try connected()
    session.start(1, shell("env -i /usr/bin/setsid /bin/sh -c 'echo $$; exec /bin/sleep 300' & sleep 300"))
    let pid = session.line(1)
    agent.send(SIGKILL)
    #expect(agent.exit() == 137)
    let (again, _) = try connected(folder: agent.folder)
    #expect(!isAlive(pid))
    _ = again
  }

  @Test(arguments: [[], ["--no-cgroups"]])
  func `a task that takes more memory than it said ends, and says so`(options: [String]) throws {
    let (agent, session) = try connected(options)
    let result = session.run(1, limited(hog(megabytes: 600), memoryMB: 64)).result
    #expect(result.kind == .memoryLimit)
    #expect(result.words.contains("memory limit of 64 MB exceeded"), "\(result.words)")
    #expect(session.run(2, limited(hog(megabytes: 8), memoryMB: 64)).text == "8388608\n")
    _ = agent
  }

  @Test(.enabled(if: hasMemory))
  func `a task of which the kernel killed a part for its memory has failed, whatever the rest of it says`()
    throws
  {
    let (agent, session) = try connected()
    let result = session.run(1, limited("(\(hog(megabytes: 600))); exit 0", memoryMB: 64)).result
    #expect(result.kind == .memoryLimit, "\(result)")
    _ = agent
  }

  @Test func `memory that was not said is no limit`() throws {
    let (agent, session) = try connected()
    let finished = session.run(1, shell(hog(megabytes: 50)))
    #expect(finished.result.rc == 0 && finished.text == "52428800\n")
    _ = agent
  }

  @Test(.enabled(if: hasUnified && hasMemory))
  func `only what has a limit is in a group of memory`() throws {
    let (agent, session) = try connected()
    let line = "grep -c 'memory.*/caravan-' /proc/$$/cgroup; true"
    #expect(session.run(1, shell(line)).text == "0\n")
    #expect(session.run(2, limited(line, memoryMB: 64)).text == "1\n")
    // The group of before, and nothing of it is counted.
    let free = session.run(3, shell(hog(megabytes: 100)))
    #expect(free.result.rc == 0 && free.result.peakMemoryKB > 100_000, "\(free.result)")
    _ = agent
  }

  @Test(.enabled(if: hasMemory))
  func `a group in which earlier attempts left files in memory is not used again`() throws {
    let (agent, session) = try connected()
    let file = "/dev/shm/caravan-try-" + Random.hex(bytes: 8)
    defer { unlink(file) }
    let place = "grep memory: /proc/$$/cgroup"
    let first = session.run(1, limited("\(place); head -c \(58 << 20) /dev/zero > \(file)", memoryMB: 64))
    // With the same limit, and with one that the kernel refuses there.
    let others = [session.run(2, limited(place, memoryMB: 64)), session.run(3, limited(place, memoryMB: 32))]
    #expect(first.result.rc == 0 && others.map(\.result.rc) == [0, 0], "\(first) \(others)")
    #expect(first.text.contains("/caravan-") && others.allSatisfy { $0.text.contains("/caravan-") })
    #expect(others.allSatisfy { $0.text != first.text })
    _ = agent
  }

  @Test(.enabled(if: hasUnified))
  func `a group that was killed is not used again`() throws {
    let (agent, session) = try connected()
    let first = session.run(1, shell("grep ^0: /proc/$$/cgroup; setsid sleep 300 &")).text
    let second = session.run(2, shell("grep ^0: /proc/$$/cgroup"))
    #expect(second.result.rc == 0 && first != second.text, "\(first)\(second)")
    _ = agent
  }

  @Test(arguments: [[], ["--no-cgroups"]])
  func `the most that a task took is told`(options: [String]) throws {
    let (agent, session) = try connected(options)
    let small = session.run(1, Job(command: ["/bin/true"])).result
    #expect((1...40_000).contains(small.peakMemoryKB), "\(small.peakMemoryKB)")
    let large = session.run(2, shell(hog(megabytes: 200))).result
    #expect((200_000...400_000).contains(large.peakMemoryKB), "\(large.peakMemoryKB)")
    let again = session.run(3, Job(command: ["/bin/true"])).result
    #expect((1...40_000).contains(again.peakMemoryKB), "\(again.peakMemoryKB)")
    _ = agent
  }

  @Test(.enabled(if: hasUnified))
  func `groups are used again, and gone when the agent has stopped`() throws {
    let (agent, session) = try connected()
    var paths: Set<String> = []
    for fence in 1...5 { paths.insert(session.run(Int64(fence), shell("grep ^0: /proc/$$/cgroup")).text) }
    #expect(paths.count == 1 && paths.first?.contains("/caravan-") == true, "\(paths)")
    #expect(try !groups(of: agent).isEmpty)
    agent.send(SIGTERM)
    while true { if case .goodbye = session.next() { break } }
    session.drop()
    #expect(agent.exit() == 0)
    #expect(try groups(of: agent).isEmpty)
  }
}
