import Glibc
import Protocol
import System

/// An agent's data directory, held by this process alone.
///
/// ```
/// lock        who holds it
/// id          made once: tells a restarted agent from another one of the same name
/// starts      how often it was started
/// spool/      what the next start must know: attempts, and output that could not be sent yet
/// work/       where tasks run that name no directory
/// ```
struct AgentDirectory: ~Copyable {
  let path: String
  let incarnation: Incarnation
  let workDirectory: String
  var spoolFolder: String { Self.spoolFolder(of: path) }
  let lock: LockFile

  /// Makes what is missing, takes the lock, and counts this start.
  init(_ settings: AgentSettings) throws(SystemError) {
    try Files.makeDirectory(settings.dataDirectory)
    let path = try Self.absolute(settings.dataDirectory)
    let lock = try LockFile(path + "/lock", for: "the data directory \(path)")
    try Files.makeDirectory(path + "/spool")
    let workDirectory = try Self.workDirectory(settings, path)
    let incarnation = Incarnation(
      directoryID: try Self.identity(path), bootID: try HostFacts.bootID(),
      startNumber: try Self.countStart(path))
    self.path = path
    self.lock = lock
    self.workDirectory = workDirectory
    self.incarnation = incarnation
  }

  /// As the program before this one, in the same process, held it: no new start.
  init(_ settings: AgentSettings, _ takeover: Takeover) throws(SystemError) {
    let path = try Self.absolute(settings.dataDirectory)
    let workDirectory = try Self.workDirectory(settings, path)
    lock = LockFile(adopting: takeover.lock)
    self.path = path
    self.workDirectory = workDirectory
    incarnation = takeover.incarnation
  }

  private static func workDirectory(_ settings: AgentSettings, _ path: String) throws(SystemError) -> String {
    guard let given = settings.workDirectory else {
      try Files.makeDirectory(path + "/work")
      return path + "/work"
    }
    let directory = try absolute(given)
    if access(directory + "/.", X_OK) != 0 {
      throw SystemError("tasks cannot run in the --work-dir \(given)")
    }
    return directory
  }

  static func spoolFolder(of path: String) -> String { path + "/spool" }

  private static func absolute(_ path: String) throws(SystemError) -> String {
    guard let real = realpath(path, nil) else { throw SystemError("cannot use the directory \(path)") }
    defer { free(real) }
    return String(cString: real)
  }

  private static func identity(_ path: String) throws(SystemError) -> String {
    if let known = Files.line(path + "/id"), !known.isEmpty { return known }
    let id = Random.hex(bytes: 16)
    Failpoint.identityMakeBefore.pass()
    try Files.writeAtomically(Array((id + "\n").utf8), to: path + "/id")
    Failpoint.identityMakeAfter.pass()
    return id
  }

  private static func countStart(_ path: String) throws(SystemError) -> Int64 {
    var count: Int64 = 0
    if let text = Files.line(path + "/starts") {
      guard let known = Int64(text), known >= 0 else {
        throw SystemError(
          .invalid, "\(path)/starts holds \"\(text)\", no count: set it to a number larger than ever used")
      }
      count = known
    }
    Failpoint.startCountBefore.pass()
    try Files.writeAtomically(Array("\(count + 1)\n".utf8), to: path + "/starts")
    Failpoint.startCountAfter.pass()
    return count + 1
  }
}
