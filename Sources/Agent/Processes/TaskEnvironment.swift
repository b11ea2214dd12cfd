import Glibc
import Protocol

/// What a task finds in its environment: a few of the agent's own variables, what the job says, and what
/// names the attempt. An allow-list: an agent's other variables may hold secrets, and differ from host to host.
struct TaskEnvironment {
  static let inherited = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"]
  /// Names the agent's data directory and start: what an agent finds with it after a crash, it sweeps.
  static let agentVariable = "CARAVAN_AGENT"
  static let fenceVariable = "CARAVAN_FENCE"
  /// Where neither the agent nor the job has a PATH.
  static let fallbackPath = "/usr/local/bin:/usr/bin:/bin"

  private let base: [(name: String, value: String)]
  private let mark: String

  init(of incarnation: Incarnation) {
    mark = Self.mark(of: incarnation)
    base = Self.inherited.compactMap { name in getenv(name).map { (name, String(cString: $0)) } }
  }

  /// `NAME=value` each, and the PATH among them.
  func variables(of start: ToAgent.Start) -> (list: [String], path: String) {
    let job = start.job
    var path = Self.fallbackPath
    var list: [String] = []
    list.reserveCapacity(base.count + job.environment.count + 8)
    for (name, value) in base where !job.environment.contains(where: { Self.names($0, name) }) {
      list.append("\(name)=\(value)")
      if name == "PATH" { path = value }
    }
    for variable in job.environment {
      list.append(variable)
      if Self.names(variable, "PATH") { path = String(variable.dropFirst(5)) }
    }
    list.append("CARAVAN_RUN_ID=\(start.run)")
    list.append("CARAVAN_TASK=\(start.task)")
    list.append("CARAVAN_ATTEMPT=\(start.number)")
    list.append("\(Self.fenceVariable)=\(start.fence)")
    list.append("CARAVAN_CORES=\(Self.cores(job.needs.milliCores))")
    list.append("CARAVAN_MEMORY_MB=\(job.needs.memoryMB)")
    list.append("\(Self.agentVariable)=\(mark)")
    return (list, path)
  }

  /// `DIRECTORY.START`: whose tasks these are.
  static func mark(of incarnation: Incarnation) -> String {
    "\(incarnation.directoryID).\(incarnation.startNumber)"
  }

  private static func names(_ variable: String, _ name: String) -> Bool {
    let bytes = variable.utf8
    return bytes.count > name.utf8.count && bytes.starts(with: name.utf8)
      && bytes[bytes.index(bytes.startIndex, offsetBy: name.utf8.count)] == UInt8(ascii: "=")
  }

  /// `1`, `0.5`: without needless zeros.
  private static func cores(_ milliCores: Int64) -> String {
    let (whole, rest) = milliCores.quotientAndRemainder(dividingBy: 1000)
    if rest == 0 { return "\(whole)" }
    var digits = String(1000 + rest).dropFirst()
    while digits.last == "0" { digits = digits.dropLast() }
    return "\(whole).\(digits)"
  }
}
