import CSystem
import Glibc
import Protocol
import System

/// What an attempt reads as its standard input, where its job says so.
///
/// Text lies in memory as a file: it is whole before the process begins, so that neither side ever waits for the other, as
/// both could with a pipe.
enum TaskInput {
  /// A descriptor that the caller closes. `directory`: the job's.
  static func open(_ input: Job.World.Input, in directory: String) throws(Spawner.Failure) -> Int32 {
    do throws(SystemError) {
      switch input {
      case .text(let text): return try memory(holding: text)
      case .file(let path): return try file(path.hasPrefix("/") ? path : directory + "/" + path, directory)
      }
    } catch {
      throw Spawner.Failure(rc: Spawner.Failure.notExecutable, words: error.message, time: .now())
    }
  }

  private static func memory(holding text: String) throws(SystemError) -> Int32 {
    let fd = caravan_memfd("caravan-stdin")
    if fd < 0 { throw SystemError("cannot make memory for the job's stdin") }
    do throws(SystemError) {
      try Files.write(Array(text.utf8)[...], to: fd, path: "the job's stdin")
    } catch {
      close(fd)
      throw error
    }
    lseek(fd, 0, SEEK_SET)
    return fd
  }

  /// Non-blocking, or a pipe that nobody writes would hold up the agent.
  private static func file(_ path: String, _ directory: String) throws(SystemError) -> Int32 {
    let fd = caravan_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0)
    if fd < 0 {
      if errno != ENOENT && errno != ENOTDIR { throw SystemError("cannot open \(path) as the job's stdin") }
      if access(directory, F_OK) != 0 {
        throw SystemError(.invalid, "no such working directory: \(directory)")
      }
      throw SystemError(.invalid, "no such file for the job's stdin: \(path)")
    }
    var facts = stat()
    let kind = fstat(fd, &facts) == 0 ? facts.st_mode & S_IFMT : 0
    if kind != S_IFREG && kind != S_IFCHR {
      close(fd)
      throw SystemError(
        .invalid,
        "\(path) cannot be the job's stdin: it is \(kind == S_IFDIR ? "a folder" : "no file"), read it in the command"
      )
    }
    _ = fcntl(fd, F_SETFL, 0)
    return fd
  }
}
