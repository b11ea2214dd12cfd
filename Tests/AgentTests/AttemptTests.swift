import Foundation
import Protocol
import System
import Testing

/// Whole attempts through a real agent.
struct AttemptTests {
  private let coordinator: ScriptedCoordinator
  private let agent: AgentProcess
  private let session: ScriptedSession

  init() throws {
    coordinator = try ScriptedCoordinator()
    agent = try AgentProcess(coordinator.address)
    session = try coordinator.accept()
    session.welcome()
  }

  @Test func `a program runs and its output and times come back`() {
    let before = WallTime.now()
    let finished = session.run(1, Job(command: ["/bin/echo", "hello", "wörld"]))
    #expect(finished.text == "hello wörld\n")
    #expect(finished.result.rc == 0 && finished.result.kind == .exited && finished.result.words == "")
    #expect(finished.result.stdoutBytes == 13 && finished.result.stderrBytes == 0)
    #expect(before < finished.result.start && finished.result.start < finished.result.stop)
    #expect(finished.result.stop < WallTime.now())
  }

  @Test func `started comes before the output and the end`() {
    session.start(1, shell("echo x"))
    guard case .started(Fence(1), _) = session.next() else { return #expect(Bool(false)) }
    guard case .output(Fence(1), .stdout, 0, _) = session.next() else { return #expect(Bool(false)) }
    guard case .ended(Fence(1), _) = session.next() else { return #expect(Bool(false)) }
  }

  @Test(arguments: [
    ("exit 3", 3, ""), ("kill -9 $$", 137, "ended by signal 9 (SIGKILL)"),
    ("kill -TERM $$", 143, "ended by signal 15 (SIGTERM)"),
  ])
  func `exit codes and signals are told`(text: String, rc: Int32, words: String) {
    let result = session.run(1, shell(text)).result
    #expect(result.rc == rc && result.words == words && result.kind == .exited)
  }

  @Test func `what cannot be executed is said to be so, with the shell's codes`() {
    let cases: [(Job, Int32, String)] = [
      (Job(command: ["/no/such/program"]), 127, "no such program: /no/such/program"),
      (Job(command: ["no-such-program"]), 127, "no such program: no-such-program"),
      (Job(command: ["/usr"]), 126, "/usr"), (Job(command: ["/etc/passwd"]), 126, "/etc/passwd"),
      (
        Job(command: ["/bin/true"], workingDirectory: "/no/such/place"), 126,
        "working directory: /no/such/place"
      ),
    ]
    for (number, (job, rc, words)) in cases.enumerated() {
      let result = session.run(Int64(number + 1), job).result
      #expect(result.kind == .notExecuted)
      #expect(result.rc == rc, "\(result.words)")
      #expect(result.words.contains(words), "\(result.words)")
    }
  }

  @Test func `a script whose interpreter is missing is 126 and says so`() throws {
    let script = agent.folder + "/script"
    // By a task: what this process writes may be open in another test's child still, and then it is busy.
    let written = session.run(1, shell("echo '#!/no/such/interpreter' > \(script) && chmod 755 \(script)"))
    #expect(written.result.rc == 0)
    let result = session.run(2, Job(command: [script])).result
    #expect(result.rc == 126 && result.words.contains("interpreter"), "\(result.words)")
  }

  @Test func `a relative working directory is taken from the work directory`() throws {
    let folder = agent.folder + "/data/work/below"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let finished = session.run(1, Job(command: ["/bin/pwd"], workingDirectory: "below"))
    #expect(finished.text.hasSuffix("/data/work/below\n"), "\(finished.text) \(finished.result.words)")
  }

  @Test func `output that the disk refuses is said to be lost, and the task goes on`() throws {
    // No file can be made any more where output that waits is kept.
    try FileManager.default.removeItem(atPath: agent.folder + "/data/spool")
    session.keepOutputUnacknowledged()
    session.start(1, shell("head -c 3000000 /dev/zero; echo done >&2"))
    agent.waitUntilSaid("output of attempt 1 is cut")
    session.acknowledgeOutput(Fence(1))
    let finished = session.finish(Fence(1))
    #expect(finished.result.rc == 0 && finished.result.stdoutBytes == 3_000_000)
    #expect(finished.stdout.count < 3_000_000)
    #expect(finished.result.words.contains("output was lost: "), "\(finished.result.words)")
  }

  @Test func `a program is looked for in the job's own PATH`() throws {
    let folder = agent.folder + "/bin"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try "#!/bin/sh\necho mine\n".write(toFile: folder + "/mine", atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/mine")
    let job = Job(command: ["mine"], environment: ["PATH=/nowhere:\(folder):/bin"])
    #expect(session.run(1, job).text == "mine\n")
  }

  @Test func `the environment is an allow-list, the job's and the attempt's own`() throws {
    let coordinator = try ScriptedCoordinator()
    let agent = try AgentProcess(
      coordinator.address, environment: ["SECRET": "x", "TZ": "UTC", "LANG": "C.UTF-8", "USER": "u"])
    let session = try coordinator.accept()
    session.welcome()
    let job = Job(
      command: shell("env").command, environment: ["A=1", "LANG=de", "B=a=b"],
      needs: ResourceVector(milliCores: 1500, memoryMB: 64))
    let lines = session.run(77, job).text.split(separator: "\n").map(String.init)
    for wanted in [
      "A=1", "LANG=de", "B=a=b", "TZ=UTC", "USER=u", "CARAVAN_RUN_ID=5", "CARAVAN_TASK=task_0",
      "CARAVAN_ATTEMPT=2", "CARAVAN_FENCE=77", "CARAVAN_CORES=1.5", "CARAVAN_MEMORY_MB=64",
      "HOME=\(agent.folder)",
    ] { #expect(lines.contains(wanted), "\(wanted) is not in \(lines)") }
    #expect(!lines.contains { $0.hasPrefix("SECRET") || $0 == "LANG=C.UTF-8" })
  }

  @Test func `a task has nothing open but its three descriptors, and reads nothing`() {
    #expect(session.run(1, shell("ls /proc/$$/fd; cat")).text == "0\n1\n2\n")
  }

  @Test func `a task runs in the work directory with default signal handling`() {
    let finished = session.run(1, shell("pwd; grep -E 'SigIgn|SigBlk' /proc/self/status"))
    let lines = finished.text.split(separator: "\n").map(String.init)
    #expect(lines[0].hasSuffix("/data/work"))
    // Signals 32 and 33 are the C library's own: programs cannot set them, nor can we.
    let own: UInt64 = 3 << 31
    #expect(lines[1...].allSatisfy { UInt64($0.suffix(16), radix: 16).map { $0 & ~own } == 0 }, "\(lines)")
  }

  @Test func `bytes that are no text arrive as they are, on both streams`() {
    let finished = session.run(1, shell(#"printf 'a\377\000b'; printf '\200\201' >&2"#))
    #expect(finished.stdout == [97, 255, 0, 98])
    #expect(finished.stderr == [0x80, 0x81])
  }

  @Test func `20 MB arrive whole and in order`() {
    let finished = session.run(1, shell("seq 1 2700000"))
    var expected: [UInt8] = []
    for number in 1...2_700_000 {
      expected.append(contentsOf: String(number).utf8)
      expected.append(10)
    }
    #expect(finished.stdout.count == expected.count)
    #expect(finished.stdout == expected)
    #expect(finished.result.stdoutBytes == Int64(expected.count))
    #expect(!finished.isCut)
  }

  @Test func `of more than 64 MiB the first 16 and the last 48 are kept`() {
    let size = 80 << 20
    let finished = session.run(1, shell("head -c \(size) /dev/zero; echo end"))
    #expect(finished.isCut)
    #expect(finished.stdout.count == 64 << 20)
    #expect(finished.stdout.suffix(4) == Array("end\n".utf8)[...])
    #expect(finished.result.stdoutBytes == Int64(size + 4))
  }

  @Test func `a task is never blocked by a coordinator that acknowledges nothing`() {
    session.keepOutputUnacknowledged()
    session.start(1, shell("head -c 3000000 /dev/zero; echo done >&2"))
    session.start(2, shell("exit 4"))
    var sent = 0
    var hasOtherEnded = false
    while sent < FrameLimits.unacknowledgedOutputBytes || !hasOtherEnded {
      switch session.next() {
      case .output(Fence(1), .stdout, _, let bytes): sent += bytes.count
      case .ended(let fence, _):
        #expect(fence == Fence(2), "the end of what has output to send")
        hasOtherEnded = true
      default: break
      }
    }
    #expect(sent == FrameLimits.unacknowledgedOutputBytes, "the window, and not a byte more")
    // Its end is on record, though nobody takes its output.
    eventually {
      (Files.line(agent.folder + "/data/spool/1.attempts") ?? "").contains(#""stdoutBytes":3000000"#)
    }
  }

  @Test func `never more runs than there is room for, and in order`() {
    for fence in 1...6 { session.start(Int64(fence), shell("sleep 0.05")) }
    var running: Set<Fence> = []
    var order: [Int64] = []
    var ended = 0
    while ended < 6 {
      switch session.next() {
      case .started(let fence, _):
        running.insert(fence)
        order.append(fence.value)
        #expect(running.count <= 2)
      case .ended(let fence, _):
        running.remove(fence)
        ended += 1
      default: break
      }
    }
    #expect(order == [1, 2, 3, 4, 5, 6])
  }

  @Test func `cpu time and peak memory are told`() {
    let finished = session.run(
      1, shell("python3 -c 'x = bytearray(200 << 20); sum(range(3000000))' 2>/dev/null || true"))
    #expect(finished.result.cpuMicroseconds > 0)
  }

  @Test func `how much of a stream is kept can be said, and the cut is told by its place`() throws {
    let agent = try AgentProcess(
      coordinator.address, options: ["--output-head-mb", "1", "--output-tail-mb", "2"])
    let other = try coordinator.accept()
    other.welcome()
    let finished = other.run(1, shell("head -c 10M /dev/zero | tr '\\0' x; echo; echo end"))
    #expect(finished.result.stdoutBytes == 10 << 20 + 5)
    #expect(finished.isCut && finished.stdout.count == 3 << 20 && finished.text.hasSuffix("x\nend\n"))
    _ = agent
  }
}
