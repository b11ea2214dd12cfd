import CSystem
import Glibc
import Protocol
import System

/// What an attempt reads as its standard input, where its job says so.
///
/// Text lies in memory as a file: it is whole before the process begins, so that neither side ever waits for the other, as
/// both could with a pipe. A file is opened by the process itself: where it lies on a dead mount, nobody else waits.
enum TaskInput {
  /// A descriptor that the caller closes.
  static func memory(holding text: String) throws(Spawner.Failure) -> Int32 {
    let fd = caravan_memfd("caravan-stdin")
    do throws(SystemError) {
      if fd < 0 { throw SystemError("cannot make memory for the job's stdin") }
      try Files.write(Array(text.utf8)[...], to: fd, path: "the job's stdin")
    } catch {
      if fd >= 0 { close(fd) }
      throw Spawner.Failure(rc: Spawner.Failure.notExecutable, words: error.message, time: .now())
    }
    lseek(fd, 0, SEEK_SET)
    return fd
  }

  /// Why a file could not be opened as it.
  static func words(_ error: Int32, _ file: String, in directory: String) -> String {
    let path = file.hasPrefix("/") ? file : directory + "/" + file
    switch error {
    case ENOENT, ENOTDIR: return "no such file for the job's stdin: \(path)"
    case EISDIR: return "\(path) cannot be the job's stdin: it is a folder, read it in the command"
    case ESPIPE: return "\(path) cannot be the job's stdin: it is no file, read it in the command"
    default: return "cannot open \(path) as the job's stdin: \(SystemError.words(error))"
    }
  }
}
