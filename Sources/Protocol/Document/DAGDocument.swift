/// A DAG document after one pass over its text: compact records that point into the text. 100,000 tasks
/// cost 6 MB here; a tree of dictionaries and strings would cost thirty times that.
///
/// It says what was written, not yet what it means together: names in `links` may be unknown, templates
/// may name nothing. `RunPlan.check` finds out.
public struct DAGDocument: Sendable {
  /// As sent, without BOM.
  public let text: [UInt8]
  public var tag = ""
  public var labels: [Label] = []
  /// In the text's order.
  public var parameters: [Parameter] = []
  public var jobDefaults: JobTemplate?
  /// In the text's order; no name twice.
  public var tasks: [TaskRecord] = []
  /// What stands in `parents` and `children`, in the text's order.
  public var links: [TextSpan] = []

  public init(text: [UInt8]) { self.text = text }

  public struct Label: Hashable, Sendable {
    public var name: String
    public var value: String
  }

  public struct Parameter: Sendable {
    public var name: TextSpan
    /// Strings or numbers as written; exactly one where it is no list.
    public var values: [TextSpan]
    public var isList: Bool
    /// Its faults are said: nothing that follows from them is worth saying.
    public var isBroken: Bool
  }
}

/// One entry of `tasks`.
public struct TaskRecord: Sendable {
  public var name: TextSpan
  /// Of its value.
  public var offset: UInt32
  /// Of `job`'s value; 0: there is none.
  public var job: UInt32 = 0
  /// Into `DAGDocument.links`.
  public var firstParent: UInt32 = 0
  public var parentCount: UInt32 = 0
  public var firstChild: UInt32 = 0
  public var childCount: UInt32 = 0
  public var maxRetries: Int32 = 0
  public var retryIntervalSeconds: Int32 = 0
  /// nil: the coordinator's.
  public var maxLost: Int32?
  public var lease = TaskLease.standard
  public var flags: Flags = []
  /// Thousandths of a core; 0: not said.
  public var milliCores: Int64 = 0
  /// 0: not said.
  public var memoryMB: Int64 = 0

  public struct Flags: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let isGenerator = Flags(rawValue: 1)
    /// Its job says a command or a commandString.
    public static let hasCommand = Flags(rawValue: 2)
    /// Its job has a string with double braces or is so long that its sizes are worth counting.
    public static let needsLook = Flags(rawValue: 4)
    /// Its faults are said: nothing that follows from them is worth saying.
    public static let isBroken = Flags(rawValue: 8)
    /// Its job says whether it is pinned.
    public static let saysPin = Flags(rawValue: 16)
    /// … and that it is.
    public static let isPinned = Flags(rawValue: 32)
  }

  public var isGenerator: Bool { flags.contains(.isGenerator) }
  public var parents: Range<Int> { Int(firstParent)..<Int(firstParent + parentCount) }
  public var children: Range<Int> { Int(firstChild)..<Int(firstChild + childCount) }
}

/// A job as it is written, every string a span. What is nil was not said.
public struct JobTemplate: Sendable {
  /// Of the job's value.
  public var offset = 0
  /// argv.
  public var command: [TextSpan]?
  public var commandString: TextSpan?
  /// In order, no name twice.
  public var environment: [Variable] = []
  public var workingDirectory: TextSpan?
  public var milliCores: Int64?
  public var memoryMB: Int64?
  public var timeoutSeconds: Int32?
  public var killGraceSeconds: Int32?
  public var stdin: Input?
  public var umask: FileMask?
  public var openFiles: Int32?
  public var isPinned: Bool?
  /// Some string may name a parameter or hold an escaped `{{`.
  public var hasBraces = false

  /// A command or a commandString was said, if only a broken one.
  public var saysCommand = false

  public init() {}

  public enum Input: Sendable {
    case text(TextSpan)
    /// The path.
    case file(TextSpan)
  }

  public struct Variable: Sendable {
    /// The name where `value` is said, else the whole `NAME=value`.
    public var name: TextSpan
    public var value: TextSpan?
    /// Bytes of the decoded name.
    public var nameLength: Int32
    public var valueOffset: Int { (value ?? name).raw.lowerBound - 1 }
  }
}
