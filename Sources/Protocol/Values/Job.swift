/// What one task runs: every parameter substituted.
public struct Job: Hashable, Sendable {
  /// argv; a commandString is `["/bin/sh", "-c", text]`. Never empty.
  public var command: [String]
  /// `NAME=value`, in order.
  public var environment: [String]
  /// nil: the agent's work directory.
  public var workingDirectory: String?
  public var needs: ResourceVector
  /// Whether memoryMB was said: only then it is a limit; the default only reserves.
  public var isMemoryStated: Bool
  /// Seconds an attempt may run; 0: as long as it likes.
  public var timeoutSeconds: Int32
  /// Seconds between SIGTERM and SIGKILL; nil: the agent's default.
  public var killGraceSeconds: Int32?

  public init(
    command: [String], environment: [String] = [], workingDirectory: String? = nil,
    needs: ResourceVector = Job.defaultNeeds, isMemoryStated: Bool = false,
    timeoutSeconds: Int32 = 0, killGraceSeconds: Int32? = nil
  ) {
    self.command = command
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.needs = needs
    self.isMemoryStated = isMemoryStated
    self.timeoutSeconds = timeoutSeconds
    self.killGraceSeconds = killGraceSeconds
  }

  /// 1 core, 100 MB.
  public static let defaultNeeds = ResourceVector(milliCores: 1000, memoryMB: 100)
}
