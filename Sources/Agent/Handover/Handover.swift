import CSystem
import Glibc
import Protocol
import System

/// The agent's program is replaced by the one that stands at its path now, in the same process: tasks stay its children, and
/// their pipes and what is known of them go on. Only the link is started anew.
///
/// The new program is asked first whether it understands what it will be given; where it does not, or cannot be executed,
/// the old one goes on. (Handing tasks to another process was not taken: they would not be its children, and die with the
/// old one.)
enum Handover {
  /// What `--takeover-format` prints: programs of another one are not handed over to.
  static let format = 1
  static let formatFlag = "--takeover-format"
  /// Names the descriptor from which the next program reads.
  static let variable = "CARAVAN_TAKEOVER"
  private static let checkTime = Period.seconds(5)

  /// Where this program was started from. To be found before it is replaced: then it is called deleted.
  static func ownPath() -> String? {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    return count > 0 ? String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
  }

  /// Why the program at that path is not to take over; nil: it may.
  static func fault(of path: String) -> String? {
    var ends: [Int32] = [-1, -1]
    if caravan_pipe(&ends) < 0 { return "cannot make a pipe: \(SystemError.words(errno))" }
    let out = FileDescriptor(owning: ends[0])
    let arguments = CStrings([path, formatFlag])
    let variables = CStrings([])
    let pid = path.withCString { caravan_spawn_link($0, arguments.list, variables.list, ends[1], 1) }
    let failure = errno
    close(ends[1])
    if pid < 0 { return "\(path) cannot be executed: \(SystemError.words(failure))" }
    let said = line(from: out.raw)
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    if said == "\(format)" { return nil }
    return said.isEmpty
      ? "\(path) does not say what it can take over"
      : "\(path) takes over format \(said.prefix(20)), and this is \(format): stop this agent and start that one"
  }

  private static func line(from fd: Int32) -> String {
    var bytes: [UInt8] = []
    let end = Instant.now() + checkTime
    while bytes.last != UInt8(ascii: "\n"), bytes.count < 100 {
      var poll = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
      let left = max(0, (end - .now()).nanoseconds / 1_000_000)
      if Glibc.poll(&poll, 1, Int32(left)) <= 0 { break }
      var piece = [UInt8](repeating: 0, count: 100)
      let count = read(fd, &piece, piece.count)
      if count <= 0 { break }
      bytes += piece.prefix(count)
    }
    return String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
  }

  /// Executes it; comes back only where that fails. `descriptors` stay open.
  static func execute(_ path: String, flags: [String], state: [UInt8], descriptors: [Int32]) -> SystemError {
    let raw = caravan_memfd("caravan-takeover")
    if raw < 0 { return SystemError("cannot make memory for the next program") }
    let file = FileDescriptor(owning: raw)
    do throws(SystemError) {
      try Files.write(state[...], to: file.raw, path: "the next program's state")
    } catch {
      return error
    }
    lseek(file.raw, 0, SEEK_SET)
    var variables = ProcessEnvironment.now()
    variables[variable] = "\(file.raw)"
    let words = CStrings([CommandLine.arguments.first ?? path] + flags)
    let environment = CStrings(variables.map { "\($0.key)=\($0.value)" }.sorted())
    for fd in descriptors + [file.raw] { caravan_set_inherited(fd, 1) }
    Failpoint.takeoverBefore.pass()
    caravan_exec(path, words.list, environment.list)
    let failure = SystemError("cannot execute \(path)")
    for fd in descriptors { caravan_set_inherited(fd, 0) }
    return failure
  }
}
