/// What one task runs: every parameter substituted.
///
/// An object, as it never changes and goes through many hands on its way from the document to the process: each
/// copies a reference, not its texts.
public final class Job: Hashable, Sendable {
  /// argv; a commandString is `["/bin/sh", "-c", text]`. Never empty.
  public let command: [String]
  /// `NAME=value`, in order.
  public let environment: [String]
  /// nil: the agent's work directory.
  public let workingDirectory: String?
  public let needs: ResourceVector
  /// Whether memoryMB was said: only then it is a limit; the default only reserves.
  public let isMemoryStated: Bool
  /// Seconds an attempt may run; 0: as long as it likes.
  public let timeoutSeconds: Int32
  /// Seconds between SIGTERM and SIGKILL; nil: the agent's default.
  public let killGraceSeconds: Int32?
  /// nil, as of most jobs: nothing of it was said.
  public let world: World?

  public init(
    command: [String], environment: [String] = [], workingDirectory: String? = nil,
    needs: ResourceVector = Job.defaultNeeds, isMemoryStated: Bool = false,
    timeoutSeconds: Int32 = 0, killGraceSeconds: Int32? = nil, world: World? = nil
  ) {
    self.command = command
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.needs = needs
    self.isMemoryStated = isMemoryStated
    self.timeoutSeconds = timeoutSeconds
    self.killGraceSeconds = killGraceSeconds
    self.world = world
  }

  /// 1 core, 100 MB.
  public static let defaultNeeds = ResourceVector(milliCores: 1000, memoryMB: 100)

  public static func == (a: Job, b: Job) -> Bool {
    a === b
      || a.command == b.command && a.environment == b.environment
        && a.workingDirectory == b.workingDirectory && a.needs == b.needs
        && a.isMemoryStated == b.isMemoryStated && a.timeoutSeconds == b.timeoutSeconds
        && a.killGraceSeconds == b.killGraceSeconds && a.world == b.world
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(command)
    hasher.combine(environment)
    hasher.combine(workingDirectory)
    hasher.combine(needs)
  }
}
