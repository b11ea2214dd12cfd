import Foundation
import Glibc
import Protocol
import System

/// A real `caravan-agent` with a folder of its own; killed and removed with the object.
final class AgentProcess: Sendable {
  let folder: String
  let pid: pid_t
  private let ownsFolder: Bool

  static let program =
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().path + "/caravan-agent"

  /// `folder`: another agent's, to start where that one ended.
  init(
    _ coordinator: HostPort, cores: Int = 2, folder: String? = nil, options: [String] = [],
    environment: [String: String] = [:], program: String = AgentProcess.program
  ) throws {
    ownsFolder = folder == nil
    self.folder =
      folder ?? FileManager.default.temporaryDirectory.path + "/caravan-agent-" + Random.hex(bytes: 8)
    try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
    try "secret".write(toFile: self.folder + "/token", atomically: true, encoding: .utf8)
    let arguments =
      [
        program, "--coordinator", "\(coordinator)", "--data-dir", self.folder + "/data", "--name",
        "anna",
        "--cores", "\(cores)", "--memory-mb", "1000", "--token-file", self.folder + "/token", "--allow-root",
      ] + options
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, self.folder + "/said", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var argv = arguments.map { strdup($0) } + [nil]
    let variables = ["PATH": "/usr/bin:/bin", "HOME": self.folder].merging(environment) { $1 }
    var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, program, &actions, nil, &argv, &envp)
    guard code == 0 else { throw SystemError("cannot start \(program)", errno: code) }
    pid = child
  }

  deinit {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    if ownsFolder { try? FileManager.default.removeItem(atPath: folder) }
  }

  func send(_ signal: Int32) { kill(pid, signal) }

  /// What it has said so far.
  var said: String { (try? String(contentsOfFile: folder + "/said", encoding: .utf8)) ?? "" }

  /// Waits for its end: the exit code, or 128 + the signal.
  func exit() -> Int32 {
    var info = siginfo_t()
    waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT)
    let status = info._sifields._sigchld.si_status
    return info.si_code == CLD_EXITED ? status : 128 + status
  }

  /// Waits until it has said that.
  func waitUntilSaid(_ words: String) {
    eventually { said.contains(words) }
  }
}

/// Waits for what only a look can tell, for a minute at most.
func eventually(_ holds: () -> Bool) {
  let end = Instant.now() + .seconds(60)
  while !holds() {
    precondition(Instant.now() < end, "it did not come about within a minute")
    usleep(5_000)
  }
}

/// Whether a process is there and has not ended.
func isAlive(_ pid: String) -> Bool { ProcessTable.entry(Int32(pid)!).map { !$0.isZombie } ?? false }
