import CSystem
import Glibc
import Protocol
import System
import Transport

/// The link: the agent's second process, which has the connection to the coordinator, so that the one that has the
/// tasks meets nothing from the network but what was framed and passed on.
///
/// It is started by the runner with `--link DIRECTORY START SCORE` before the agent's own flags, a socket to it as
/// descriptor 3. When it dies the runner starts it again, and tasks go on. When the runner dies it ends what is left of
/// the tasks, says so to the coordinator, and ends.
enum LinkProgram {
  static let flag = "--link"
  static let socket: Int32 = 3

  /// `words`: from `--link` on.
  static func run(_ words: [String]) -> Int32 {
    guard words.count > 4, let start = Int64(words[2]), let score = Int(words[3]) else {
      Say.line("\(flag) is for the agent itself")
      return AgentError.Exit.wrongFlags.rawValue
    }
    caravan_thread_name("link")
    caravan_ignore_sigpipe()
    OOMScore.set(score, of: getpid())
    // Who stops the agent stops the runner, and that ends this one.
    for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_IGN) }
    do throws(FlagFault) {
      guard case .run(let settings) = try AgentCommandLine.parse(Array(words.dropFirst(4))) else { return 0 }
      return run(settings, directoryID: words[1], startNumber: start)
    } catch {
      Say.line(error.message)
      return AgentError.Exit.wrongFlags.rawValue
    }
  }

  private static func run(_ settings: AgentSettings, directoryID: String, startNumber: Int64) -> Int32 {
    do throws(SystemError) {
      let incarnation = Incarnation(
        directoryID: directoryID, bootID: try HostFacts.bootID(), startNumber: startNumber)
      let process = try LinkProcess(settings, incarnation, runner: FileDescriptor(owning: socket))
      try process.run()
      return process.exitCode
    } catch {
      Say.line(error.message)
      return AgentError.Exit.failed.rawValue
    }
  }
}
