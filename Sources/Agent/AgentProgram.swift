import CSystem
import Glibc
import Protocol
import System
import Transport

/// The program `caravan-agent`.
public enum AgentProgram {
  /// Runs until it is told to stop; answers the exit code. `words`: the command line without the program's
  /// name.
  public static func run(_ words: [String]) -> Int32 {
    if words.first == LinkProgram.flag { return LinkProgram.run(words) }
    if words == [Handover.formatFlag] { return say("\(Handover.format)") }
    do throws(FlagFault) {
      switch try AgentCommandLine.parse(words) {
      case .help(let text), .version(let text): return say(text)
      case .run(let settings): return run(settings, flags: words)
      }
    } catch {
      Say.line(error.message)
      return AgentError.Exit.wrongFlags.rawValue
    }
  }

  private static func say(_ text: String) -> Int32 {
    let bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    return 0
  }

  private static func run(_ settings: AgentSettings, flags: [String]) -> Int32 {
    do throws(AgentError) {
      try serve(settings, flags)
      return 0
    } catch {
      Say.line(error.message)
      return error.exit.rawValue
    }
  }

  private static func serve(_ settings: AgentSettings, _ flags: [String]) throws(AgentError) {
    if geteuid() == 0 && !settings.isRootAllowed {
      throw AgentError(
        .failed, "this is root, and every task would be root too: run it as another user, or say --allow-root"
      )
    }
    if settings.isTokenFileGiven && access(settings.tokenFile, R_OK) != 0 {
      throw AgentError(
        .failed, "cannot read the token file \(settings.tokenFile): \(SystemError.words(errno))")
    }
    openStandardDescriptors()
    caravan_ignore_sigpipe()
    // Before any thread is made, so that none of them gets these.
    let signals = caravan_signalfd([SIGCHLD, SIGTERM, SIGINT, SIGHUP], 4)
    if signals < 0 { throw AgentError(.failed, "cannot wait for signals: \(SystemError.words(errno))") }
    let failure: AgentError?
    do throws(SystemError) {
      failure = try serve(settings, flags, signals: FileDescriptor(owning: signals))
    } catch {
      throw AgentError(.storage, error.message)
    }
    if let failure { throw failure }
  }

  private static func serve(
    _ settings: AgentSettings, _ flags: [String], signals: consuming FileDescriptor
  ) throws(SystemError) -> AgentError? {
    if let takeover = try Takeover.find() {
      let directory = try AgentDirectory(settings, takeover)
      let spool = try Spool(
        folder: directory.spoolFolder, incarnation: directory.incarnation, left: try takeover.spooled())
      return try serve(settings, flags, directory, .takingOver(takeover), spool, signals: signals)
    }
    let directory = try AgentDirectory(settings)
    let start = directory.incarnation.startNumber
    Failpoint.sweepBefore.pass()
    Leftovers.sweep(
      GroupFolders(directoryID: directory.incarnation.directoryID), of: directory.incarnation.directoryID
    ) { $0 != start }
    Failpoint.sweepAfter.pass()
    let earlier = try EarlierStarts(
      in: OutputFolder(path: directory.spoolFolder, caps: settings.outputCaps),
      bootID: directory.incarnation.bootID)
    Failpoint.spoolReadAfter.pass()
    let spool = try Spool(
      folder: directory.spoolFolder, incarnation: directory.incarnation, left: earlier.attempts)
    Failpoint.spoolBeginAfter.pass()
    earlier.removeFiles(except: Spool.path(directory.spoolFolder, start))
    Failpoint.oldSpoolsRemoveAfter.pass()
    return try serve(settings, flags, directory, .anew(earlier), spool, signals: signals)
  }

  private static func serve(
    _ settings: AgentSettings, _ flags: [String], _ directory: consuming AgentDirectory,
    _ beginning: AgentRuntime.Beginning, _ spool: Spool, signals: consuming FileDescriptor
  ) throws(SystemError) -> AgentError? {
    let loop = try EventLoop()
    let start = directory.incarnation.startNumber
    let folders = GroupFolders(directoryID: directory.incarnation.directoryID)
    let groups = TaskGroups(
      settings.avoidsGroups ? GroupPlaces() : GroupPlaces(folders, startNumber: start))
    let link = LinkKeeper(directory.incarnation, flags: flags, on: loop)
    let runtime = try AgentRuntime(
      settings, directory, beginning, on: loop, link: link, spool: spool, groups: groups, signals: signals)
    try runtime.run()
    folders.remove { $0 == start }
    // The lock is held until here.
    withExtendedLifetime(directory) {}
    return runtime.failure
  }

  /// A pipe or a socket that got one of these numbers would be taken for standard output.
  private static func openStandardDescriptors() {
    while true {
      let raw = open("/dev/null", O_RDWR)
      if raw > 2 || raw < 0 {
        if raw > 2 { close(raw) }
        return
      }
    }
  }
}
