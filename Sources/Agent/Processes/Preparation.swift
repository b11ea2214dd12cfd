import CSystem
import Glibc
import Protocol
import System

/// What is made ready for the process of an attempt while its slot is not free yet: it stands empty for less.
///
/// Nothing of it can be seen from outside, and it is dropped where the attempt is not started after all.
final class Preparation {
  let fence: Fence
  /// Absolute.
  let directory: String
  let path: String
  /// The directory, and the file that is read as stdin where there is one.
  let places: CStrings
  let candidates: CStrings
  let arguments: CStrings
  let environment: CStrings
  private var stdout: [Int32] = [-1, -1]
  private var stderr: [Int32] = [-1, -1]

  init(_ start: ToAgent.Start, in directory: String, _ environment: TaskEnvironment) throws(Spawner.Failure) {
    let (variables, path) = environment.variables(of: start)
    fence = start.fence
    self.directory = directory
    self.path = path
    if case .file(let file) = start.job.world?.stdin {
      places = CStrings([directory, file])
    } else {
      places = CStrings([directory])
    }
    candidates = CStrings(Spawner.candidates(start.job.command[0], path))
    arguments = CStrings(start.job.command)
    self.environment = CStrings(variables)
    if caravan_pipe(&stdout) < 0 || caravan_pipe(&stderr) < 0 {
      throw Spawner.Failure(
        rc: Spawner.Failure.notExecutable, words: "cannot make a pipe: \(SystemError.words(errno))",
        time: .now())
    }
  }

  deinit { for fd in stdout + stderr where fd >= 0 { close(fd) } }

  /// What the process writes into.
  var outputs: (stdout: Int32, stderr: Int32) { (stdout[1], stderr[1]) }

  /// Once the process has its outputs: what it writes can be read from these, which the caller closes.
  func takeInputs() -> (stdout: Int32, stderr: Int32) {
    defer {
      stdout = [-1, -1]
      stderr = [-1, -1]
    }
    close(stdout[1])
    close(stderr[1])
    return (stdout[0], stderr[0])
  }
}
