import Foundation
import Glibc

/// A program that a test has started; its output goes to a file.
///
/// Started by posix_spawn and not by Foundation's Process, which puts its children in process groups of their own:
/// Ctrl-C on the tests would leave the daemons behind.
final class ChildProcess: Sendable {
  let pid: pid_t
  let name: String
  let outputPath: String

  struct CannotStart: Error, CustomStringConvertible {
    var description: String
  }

  /// `environment` is the whole of it. Standard input is empty.
  init(_ program: String, _ arguments: [String], environment: [String: String], outputPath: String) throws {
    name = (program as NSString).lastPathComponent
    self.outputPath = outputPath
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // The threads that tests run on block signals, and a child would inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var argv = ([program] + arguments).map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer {
      for pointer in argv + envp { free(pointer) }
    }
    var child: pid_t = 0
    let code = posix_spawn(&child, program, &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw CannotStart(description: "\(program): \(String(cString: strerror(code)))") }
    pid = child
  }

  var output: String {
    (try? String(decoding: Data(contentsOf: URL(fileURLWithPath: outputPath)), as: UTF8.self)) ?? ""
  }

  func send(_ signal: Int32) { kill(pid, signal) }

  /// Whether it has not ended; one that has is left to `exit()` to be collected.
  var isRunning: Bool {
    var info = siginfo_t()
    return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0
      && info._sifields._sigchld.si_pid == 0
  }

  /// Waits for its end: the exit code, or 128 + n where signal n ended it.
  @discardableResult
  func exit(within seconds: Double = 60) async throws -> Int32 {
    var status: Int32 = 0
    try await eventually("\(name) (pid \(pid)) ends", within: seconds) { [pid] in
      waitpid(pid, &status, WNOHANG) == pid
    }
    return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
  }

  /// Kills it and waits for its end; fine where it has ended before.
  func end() {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
  }
}
