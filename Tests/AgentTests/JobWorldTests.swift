import Foundation
import Glibc
import Protocol
import System
import Testing

/// What a job says of its process: stdin, umask, openFiles, pin.
struct JobWorldTests {
  private let coordinator: ScriptedCoordinator

  init() throws { coordinator = try ScriptedCoordinator() }

  private func job(_ text: String, cores: Int = 1, _ world: Job.World?) -> Job {
    Job(
      command: ["/bin/sh", "-c", text],
      needs: ResourceVector(milliCores: Int64(cores * 1000), memoryMB: 1), world: world)
  }

  @Test func `text is read from stdin, and without one there is nothing`() throws {
    let agent = try AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    session.welcome()
    let text = String(repeating: "sixteen letters\n", count: JobSize.inputLimit / 16)
    let finished = session.run(1, job("cat", Job.World(stdin: .text(text))))
    #expect(finished.result.rc == 0 && finished.text == text)
    // Who does not read it is not held up.
    #expect(session.run(2, job("exit 3", Job.World(stdin: .text(text)))).result.rc == 3)
    #expect(session.run(3, job("cat; readlink /proc/self/fd/0", nil)).text == "/dev/null\n")
    _ = agent
  }

  @Test func `a file is read from the job's working directory, and a missing one is said`() throws {
    let agent = try AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    session.welcome()
    let folder = agent.folder + "/input"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try "told\n".write(toFile: folder + "/told", atomically: true, encoding: .utf8)
    func cat(_ file: String, in directory: String? = nil) -> Job {
      Job(
        command: ["/bin/cat"], workingDirectory: directory ?? folder, world: Job.World(stdin: .file(file)))
    }
    #expect(session.run(1, cat("told")).text == "told\n")
    #expect(session.run(2, cat(folder + "/told", in: "/")).text == "told\n")
    let missing = session.run(3, cat("untold")).result
    #expect(missing.kind == .notExecuted && missing.rc == 126)
    #expect(missing.words == "no such file for the job's stdin: \(folder)/untold")
    let lost = session.run(4, cat("told", in: folder + "/none")).result
    #expect(lost.words == "no such working directory: \(folder)/none")
    #expect(session.run(5, cat(".")).result.words.contains("it is a folder"))
    // A pipe that nobody writes holds nobody up.
    #expect(mkfifo(folder + "/pipe", 0o600) == 0)
    #expect(session.run(6, cat("pipe")).result.words.contains("it is no file"))
  }

  @Test func `umask and open files are as the job says, and else the same everywhere`() throws {
    let agent = try AgentProcess(coordinator.address)
    let session = try coordinator.accept()
    session.welcome()
    #expect(session.run(1, job("umask", nil)).text == "0022\n")
    #expect(
      session.run(2, job("umask", Job.World(umask: FileMask(octal: "027".utf8)))).text == "0027\n")
    let usual = session.run(3, job("ulimit -n", nil)).text
    #expect(session.run(4, job("ulimit -n", Job.World(openFiles: 64))).text == "64\n")
    #expect(session.run(5, job("ulimit -n", nil)).text == usual)
    let most = session.run(6, job("ulimit -Hn", Job.World(openFiles: 64))).text.dropLast()
    if let most = Int32(most), most < .max {
      let result = session.run(7, job("ulimit -n", Job.World(openFiles: most + 1))).result
      #expect(result.kind == .notExecuted && result.words.contains("lets it have \(most)"), "\(result.words)")
    }
    _ = agent
  }

  private static let cpus = "grep Cpus_allowed_list /proc/self/status | cut -f 2"

  /// CPUs of this host that may be pinned to.
  private var count: Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  @Test func `pinned attempts have CPUs of their own, through a takeover, and one too many is told`() throws {
    try #require(count >= 2, "one CPU is not shared out")
    let agent = try AgentProcess(coordinator.address, cores: 2 * count)
    var session = try coordinator.accept()
    session.welcome()
    let pinned = Job.World(isPinned: true)
    let waiting = "\(Self.cpus); until [ -e go$CARAVAN_FENCE ]; do sleep 0.01; done"
    session.start(1, job(waiting, pinned))
    let first = session.line(1)
    // All but the last.
    session.start(2, job(waiting, cores: count - 1, pinned))
    let second = session.line(2)
    #expect(Int(first) != nil)
    #expect(Set(Self.list(first)).isDisjoint(with: Self.list(second)), "\(first) and \(second)")
    #expect(Self.list(second).count == count - 1)
    agent.send(SIGHUP)
    session = try coordinator.accept()
    #expect(session.welcome().map(\.fence) == [Fence(1), Fence(2)])
    let third = session.run(3, job(Self.cpus, pinned))
    #expect(third.result.rc == 0)
    #expect(third.result.words == "not pinned: 1 CPUs were wanted, and 0 of this host's are free")
    #expect(Self.list(third.text).count == count)
    session.start(4, job("touch go1", nil))
    #expect(session.finish(Fence(1)).result.words.isEmpty)
    // What the first had is free again.
    #expect(session.run(5, job(Self.cpus, pinned)).text == first + "\n")
    session.start(6, job("touch go2", nil))
    #expect(session.finish(Fence(2)).result.rc == 0)
    #expect(session.run(7, job(Self.cpus, cores: count, pinned)).result.words.isEmpty)
    #expect(
      session.run(8, job("exit 2", cores: count + 1, pinned)).result.words
        == "not pinned: \(count + 1) CPUs were wanted, and \(count) of this host's are free")
  }

  /// `0-2,5` as numbers.
  private static func list(_ text: String) -> [Int] {
    text.trimmingCharacters(in: .newlines).split(separator: ",").flatMap { range -> [Int] in
      let ends = range.split(separator: "-").compactMap { Int($0) }
      return Array(ends[0]...ends[ends.count - 1])
    }
  }
}
