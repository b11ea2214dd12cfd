/// What a person sees of a task.
public enum TaskState: UInt8, CaseIterable, Sendable {
  case queued = 0
  case running, retry, completed, errored, killed, skipped

  public var name: String {
    switch self {
    case .queued: "QUEUED"
    case .running: "RUNNING"
    case .retry: "RETRY"
    case .completed: "COMPLETED"
    case .errored: "ERRORED"
    case .killed: "KILLED"
    case .skipped: "SKIPPED"
    }
  }
  public init?(name: some StringProtocol) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }
  public var isFinal: Bool {
    switch self {
    case .completed, .errored, .killed, .skipped: true
    case .queued, .running, .retry: false
    }
  }
}

/// What a person sees of a run.
public enum RunState: UInt8, CaseIterable, Sendable {
  case queued = 0
  case running, paused, completed, errored, killed

  public var name: String {
    switch self {
    case .queued: "QUEUED"
    case .running: "RUNNING"
    case .paused: "PAUSED"
    case .completed: "COMPLETED"
    case .errored: "ERRORED"
    case .killed: "KILLED"
    }
  }
  public init?(name: some StringProtocol) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }
  public var isFinal: Bool {
    switch self {
    case .completed, .errored, .killed: true
    case .queued, .running, .paused: false
    }
  }
}

/// What a person sees of an attempt. `dispatched` is not shown: it was sent and has not started.
public enum AttemptState: UInt8, CaseIterable, Sendable {
  case dispatched = 0
  case running, completed, failed, killed, lost, handedBack

  public var name: String {
    switch self {
    case .dispatched: "DISPATCHED"
    case .running: "RUNNING"
    case .completed: "COMPLETED"
    case .failed: "FAILED"
    case .killed: "KILLED"
    case .lost: "LOST"
    case .handedBack: "HANDEDBACK"
    }
  }
  /// Whether its processes may still be there.
  public var isAlive: Bool { self == .dispatched || self == .running }
}

/// What a person sees of an agent.
public enum AgentState: UInt8, CaseIterable, Sendable {
  case active = 0
  case draining, cordoned, suspect, lost

  public var name: String {
    switch self {
    case .active: "ACTIVE"
    case .draining: "DRAINING"
    case .cordoned: "CORDONED"
    case .suspect: "SUSPECT"
    case .lost: "LOST"
    }
  }
}
