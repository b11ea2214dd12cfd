extension Job {
  /// What few jobs say of the process that they become. Apart from the job, so that those that say nothing of it do not
  /// carry it about.
  public final class World: Hashable, Sendable {
    /// What the process reads as its standard input.
    public enum Input: Hashable, Sendable {
      /// At most `JobSize.inputLimit` bytes.
      case text(String)
      /// A path, opened by the agent; a relative one is taken from the job's working directory.
      case file(String)
    }

    /// nil: nothing, as of /dev/null.
    public let stdin: Input?
    /// nil: the standard one.
    public let umask: FileMask?
    /// The soft limit of open files; nil: the agent's own.
    public let openFiles: Int32?
    /// Whether its cores, whole ones, are CPUs of the host that no other pinned attempt gets.
    public let isPinned: Bool

    /// nil: nothing of it was said.
    public init?(
      stdin: Input? = nil, umask: FileMask? = nil, openFiles: Int32? = nil, isPinned: Bool = false
    ) {
      if stdin == nil, umask == nil, openFiles == nil, !isPinned { return nil }
      self.stdin = stdin
      self.umask = umask
      self.openFiles = openFiles
      self.isPinned = isPinned
    }

    /// Fewer open files than this and common programs do not start.
    public static let leastOpenFiles: Int32 = 16

    public static func == (a: World, b: World) -> Bool {
      a === b
        || a.stdin == b.stdin && a.umask == b.umask && a.openFiles == b.openFiles && a.isPinned == b.isPinned
    }

    public func hash(into hasher: inout Hasher) {
      hasher.combine(stdin)
      hasher.combine(umask)
      hasher.combine(openFiles)
      hasher.combine(isPinned)
    }
  }

  /// The same without what only its start needs: an input may be large, and is not to be kept while the job runs.
  public var withoutWorld: Job {
    if world == nil { return self }
    return Job(
      command: command, environment: environment, workingDirectory: workingDirectory, needs: needs,
      isMemoryStated: isMemoryStated, timeoutSeconds: timeoutSeconds, killGraceSeconds: killGraceSeconds)
  }
}
