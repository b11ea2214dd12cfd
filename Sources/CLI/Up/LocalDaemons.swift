import Foundation

/// The daemons that `caravan up` has started.
final class LocalDaemons {
  private let stop: StopRequest
  private var running: [(program: LocalPlan.Program, process: Process)] = []

  /// How often a daemon's end is looked for, in milliseconds.
  private static let lookMilliseconds: Int32 = 50
  /// Seconds an agent has for ending its tasks, and a coordinator for its last commit.
  private static let stopSeconds = 20.0
  /// Lines of a daemon's log that are shown when it ends by itself.
  private static let logLines = 5

  init(stop: StopRequest) { self.stop = stop }

  /// Starts a program in a process group of its own, so that Ctrl-C reaches it only through us and all stop
  /// in their order. Answers its pid.
  func start(_ program: LocalPlan.Program) throws(CommandFault) -> Int32 {
    guard FileManager.default.isExecutableFile(atPath: program.path) else {
      throw CommandFault(.failed, "\(program.path) is not there: it belongs beside this program")
    }
    guard
      FileManager.default.createFile(
        atPath: program.log, contents: nil, attributes: [.posixPermissions: 0o600]),
      let log = FileHandle(forWritingAtPath: program.log)
    else {
      throw CommandFault(.failed, "\(program.log) cannot be written: say --data-dir DIR")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program.path)
    process.arguments = program.flags
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = log
    process.standardError = log
    do {
      try process.run()
    } catch {
      throw CommandFault(.failed, "\(program.path) cannot be started: \(error.localizedDescription)")
    }
    running.append((program, process))
    return process.processIdentifier
  }

  /// Looks until `value` is there. nil: a stop was asked for meanwhile.
  func wait<Value>(until deadline: Date, for what: String, _ value: () -> Value?) throws(CommandFault)
    -> Value?
  {
    while true {
      if let value = value() { return value }
      try failIfOneEnded()
      if Date() > deadline { throw CommandFault(.failed, "waited too long for \(what)\n" + logs()) }
      if stop.wait(milliseconds: Self.lookMilliseconds) { return nil }
    }
  }

  func untilStopIsAskedOrOneEnds() throws(CommandFault) {
    while !stop.wait(milliseconds: Self.lookMilliseconds) { try failIfOneEnded() }
  }

  private func failIfOneEnded() throws(CommandFault) {
    guard let ended = running.first(where: { !$0.process.isRunning }) else { return }
    let how =
      ended.process.terminationReason == .exit
      ? "exit code \(ended.process.terminationStatus)" : "signal \(ended.process.terminationStatus)"
    throw CommandFault(
      .failed,
      "the \(ended.program.name) ended with \(how); the end of \(ended.program.log):\n"
        + tail(ended.program.log))
  }

  private func logs() -> String {
    running.map { "the end of \($0.program.log):\n" + tail($0.program.log) }.joined(separator: "\n")
  }

  private func tail(_ path: String) -> String {
    let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    return text.split(separator: "\n").suffix(Self.logLines).map { "  " + Printable.line($0) }.joined(
      separator: "\n")
  }

  /// Agents first: they end their tasks and hand them back while there is somebody to tell.
  func stopAll() {
    let agents = running.dropFirst()
    for agent in agents { terminate(agent.process) }
    for agent in agents { awaitEnd(agent.process) }
    if let coordinator = running.first {
      terminate(coordinator.process)
      awaitEnd(coordinator.process)
    }
    running = []
  }

  private func terminate(_ process: Process) {
    if process.isRunning { kill(process.processIdentifier, SIGTERM) }
  }

  private func awaitEnd(_ process: Process) {
    let deadline = Date().addingTimeInterval(Self.stopSeconds)
    while process.isRunning && Date() < deadline { usleep(UInt32(Self.lookMilliseconds) * 1000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }
}
