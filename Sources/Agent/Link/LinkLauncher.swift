import CSystem
import Glibc
import Protocol
import System

/// Makes a link's process: this very program, whatever stands at its path by now.
enum LinkLauncher {
  private static let program = "/proc/self/exe"

  /// `score`: see OOMScore. `isFirst`: of this runner.
  static func launch(
    _ incarnation: Incarnation, _ flags: [String], socket: Int32, score: Int, isFirst: Bool
  ) throws(SystemError) -> Int32 {
    let words =
      [
        CommandLine.arguments.first ?? "caravan-agent", LinkProgram.flag, incarnation.directoryID,
        "\(incarnation.startNumber)", "\(score)",
      ] + flags
    let arguments = CStrings(words)
    let variables = CStrings(environment(isFirst).map { "\($0.key)=\($0.value)" }.sorted())
    let pid = program.withCString { path in
      caravan_spawn_link(path, arguments.list, variables.list, socket, LinkProgram.socket)
    }
    if pid < 0 { throw SystemError("cannot start the link to the coordinator") }
    return pid
  }

  private static func environment(_ isFirst: Bool) -> [String: String] {
    var variables = ProcessEnvironment.now()
    #if CARAVAN_FAILPOINTS
      // Or each link would die where the first one did.
      if !isFirst { variables["CARAVAN_FAILPOINT"] = nil }
    #endif
    return variables
  }
}
