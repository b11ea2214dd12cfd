import CSystem
import Glibc
import System
import Testing

/// The spawn shim, by itself.
struct SpawnTests {
  private struct Outcome {
    var stage: Int32
    var error: Int32
    var pid: Int32
    /// Exit code, or 128 + signal.
    var code: Int32
    var output: String
  }

  private func run(
    _ candidates: [String], _ arguments: [String], environment: [String] = [], directory: String = "/",
    bornIn group: Int32 = -1, waits: Bool = false
  ) throws -> Outcome {
    var ends: [Int32] = [-1, -1]
    #expect(caravan_pipe(&ends) == 0)
    let null = caravan_open("/dev/null", O_RDONLY, 0)
    defer { close(null) }
    let birth = try #require(caravan_birth_make())
    let spawned = withCStrings(candidates) { files in
      withCStrings(arguments) { argv in
        withCStrings(environment) { envp in
          directory.withCString { cwd in
            var what = caravan_spawn(
              candidates: files, argv: argv, envp: envp, cwd: cwd, stdin_fd: null, stdout_fd: ends[1],
              stderr_fd: ends[1], stdin_path: nil, open_files: 0, born_in: group, groups: (-1, -1), umask: -1,
              cpus: nil, cpu_bytes: 0, waits: waits ? 1 : 0)
            let spawned = caravan_spawn(&what, birth)
            while caravan_birth_is_over(birth) == 0 { sched_yield() }
            return spawned.pid < 0 ? spawned : caravan_birth_outcome(birth, spawned.pid)
          }
        }
      }
    }
    caravan_birth_free(birth)
    close(ends[1])
    defer { close(ends[0]) }
    var outcome = Outcome(stage: spawned.stage, error: spawned.error, pid: spawned.pid, code: -1, output: "")
    if spawned.pid < 0 { return outcome }
    let pidfd = caravan_pidfd_open(spawned.pid)
    #expect(pidfd >= 0)
    var poll = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
    #expect(Glibc.poll(&poll, 1, 60_000) == 1)
    close(pidfd)
    var reaped = caravan_reaped()
    #expect(caravan_reap(spawned.pid, &reaped) == 1)
    outcome.code = reaped.is_signal != 0 ? 128 + reaped.code : reaped.code
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = read(ends[0], &bytes, bytes.count)
    outcome.output = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    return outcome
  }

  private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
  ) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return (copies.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { body($0.baseAddress!) }
  }

  @Test(arguments: [false, true])
  func `a program runs in its directory with its arguments and nothing of our environment`(waits: Bool) throws
  {
    let outcome = try run(
      ["/bin/sh"], ["sh", "-c", "pwd; echo $A \"$1\"; env | grep -c HOME", "x", "b c"], environment: ["A=1"],
      directory: "/usr", waits: waits)
    #expect(outcome.code == 1)
    #expect(outcome.output == "/usr\n1 b c\n0\n")
  }

  @Test func `it is a session leader, and its parent's death would kill it`() throws {
    let outcome = try run(["/bin/sh"], ["sh", "-c", "echo $$; cut -d' ' -f5,6 /proc/$$/stat"])
    let words = outcome.output.split(whereSeparator: \.isWhitespace)
    #expect(words.count == 3 && words[0] == words[1] && words[1] == words[2], "\(outcome.output)")
  }

  @Test func `candidates are tried in order, past what is missing or may not be executed`() throws {
    #expect(
      try run(["/no/sh", "/etc/passwd/sh", "/etc/passwd", "/bin/sh"], ["sh", "-c", "exit 7"]).code == 7)
  }

  @Test func `the step that failed is told`() throws {
    let missing = try run(["/no/such/program"], ["x"])
    #expect(missing.stage == Int32(CARAVAN_SPAWN_EXEC.rawValue) && missing.error == ENOENT)
    let forbidden = try run(["/no/such/program", "/etc/passwd"], ["x"])
    #expect(forbidden.stage == Int32(CARAVAN_SPAWN_EXEC.rawValue) && forbidden.error == EACCES)
    let directory = try run(["/bin/true"], ["x"], directory: "/no/such")
    #expect(directory.stage == Int32(CARAVAN_SPAWN_CHDIR.rawValue) && directory.error == ENOENT)
  }

  @Test(arguments: [false, true])
  func `what could not be executed ends with 127, and is reaped as others are`(waits: Bool) throws {
    #expect(try run(["/no/such/program"], ["x"], waits: waits).code == 127)
  }

  private static let hasBirthplaces = (try? Group()) != nil

  /// A control group of version 2 for one test.
  private final class Group {
    let name = "caravan-try-" + Random.hex(bytes: 8)
    let folder: String
    let fd: Int32

    init() throws {
      folder = try #require(ControlGroups.ownFolder(of: "")) + "/" + name
      try #require(mkdir(folder, 0o700) == 0)
      fd = caravan_open(folder, O_RDONLY | O_DIRECTORY, 0)
    }

    deinit {
      rmdir(folder)
      close(fd)
    }
  }

  @Test(.enabled(if: hasBirthplaces))
  func `a program is born in a control group, where all else is as it was`() throws {
    let group = try Group()
    for _ in 1...20 {
      let outcome = try run(
        ["/no/sh", "/bin/sh"], ["sh", "-c", "grep ^0: /proc/$$/cgroup; pwd"], directory: "/usr",
        bornIn: group.fd)
      #expect(outcome.code == 0 && outcome.output.hasSuffix("/\(group.name)\n/usr\n"), "\(outcome)")
    }
    let missing = try run(["/no/such/program"], ["x"], bornIn: group.fd)
    #expect(missing.stage == Int32(CARAVAN_SPAWN_EXEC.rawValue) && missing.error == ENOENT)
    #expect(missing.code == 127)
  }

  @Test(.enabled(if: hasBirthplaces))
  func `a control group that is gone is told as that`() throws {
    let group = try Group()
    rmdir(group.folder)
    let outcome = try run(["/bin/true"], ["x"], bornIn: group.fd)
    #expect(outcome.stage == Int32(CARAVAN_SPAWN_GROUP.rawValue) && outcome.pid < 0, "\(outcome)")
  }

  @Test func `a signal that ends it is told`() throws {
    #expect(try run(["/bin/sh"], ["sh", "-c", "kill -11 $$"]).code == 128 + 11)
  }
}
