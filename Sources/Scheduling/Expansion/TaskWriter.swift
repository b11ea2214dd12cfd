public import Protocol

/// Writes tasks as the REST answers show them (`task.json`), one after another.
///
/// Tasks of one family mostly have the same parents and children, so a list is made once and its bytes are
/// kept until the family changes: a run of 1000 × 1000 would otherwise look up a million names.
public struct TaskWriter {
  /// A list that would have more names holds families' names instead.
  public static let namesLimit = 1000

  private let layout: RunLayout
  private var parents = NameList()
  private var children = NameList()

  public init(_ layout: RunLayout) { self.layout = layout }

  private struct NameList {
    var ends: [Endpoint]?
    var json: [UInt8] = []
    var areFamilies = false
  }

  public mutating func write(_ task: TaskIndex, into writer: inout JSONWriter) {
    let (index, _) = layout.locate(task)
    let family = layout.family(index)
    refresh(&parents, layout.parents(of: task))
    refresh(&children, layout.children(of: task))
    writer.object { writer in
      writer.member("maxRetries", family.maxRetries)
      writer.member("retryIntervalSeconds", family.retryIntervalSeconds)
      writer.member("job") { $0.job(layout.job(task)) }
      writer.member("children") { $0.raw(children.json) }
      writer.member("parents") { $0.raw(parents.json) }
      writer.member("isGenerator", family.isGenerator)
      if let most = family.maxLost { writer.member("maxLost", most) }
      if let seconds = family.lease.seconds { writer.member("leaseSeconds", seconds) }
      if children.areFamilies { writer.member("childrenAreFamilies", true) }
      if parents.areFamilies { writer.member("parentsAreFamilies", true) }
    }
  }

  private func refresh(_ list: inout NameList, _ ends: [Endpoint]) {
    if list.ends == ends { return }
    list.ends = ends
    list.json.removeAll(keepingCapacity: true)
    var names = 0
    for end in ends { names += end.ordinal == nil ? Int(layout.family(end.family).count) : 1 }
    list.areFamilies = names > Self.namesLimit
    list.json.append(UInt8(ascii: "["))
    var last: FamilyIndex?
    for end in ends {
      if list.areFamilies {
        if end.family != last { append(end.family, nil, to: &list.json) }
        last = end.family
        continue
      }
      let family = layout.family(end.family)
      if let ordinal = end.ordinal {
        append(end.family, ordinal, to: &list.json)
      } else if family.isExpanded {
        for ordinal in 0..<family.count { append(end.family, ordinal, to: &list.json) }
      } else {
        append(end.family, nil, to: &list.json)
      }
    }
    list.json.append(UInt8(ascii: "]"))
  }

  /// Task names need no escapes.
  private func append(_ family: FamilyIndex, _ ordinal: Int32?, to json: inout [UInt8]) {
    if json.count > 1 { json.append(UInt8(ascii: ",")) }
    json.append(UInt8(ascii: "\""))
    layout.withFamilyName(family) { json.append(contentsOf: $0) }
    if let ordinal {
      json.append(UInt8(ascii: "_"))
      json.append(contentsOf: String(ordinal).utf8)
    }
    json.append(UInt8(ascii: "\""))
  }
}

extension RunLayout {
  /// One task as `task.json` shows it; for many use a `TaskWriter`.
  public func writeTask(_ task: TaskIndex, into writer: inout JSONWriter) {
    var tasks = TaskWriter(self)
    tasks.write(task, into: &writer)
  }

  func withFamilyName<R>(_ family: FamilyIndex, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    let part = parts[part(of: family)]
    return part.plan.withName(family.value - part.firstFamily, body)
  }
}

extension JSONWriter {
  /// A job in the contract's shape; what was not said and has no place in the examples is left out.
  mutating func job(_ job: Job) {
    object { writer in
      writer.member("environment") { writer in
        writer.array { for variable in job.environment { $0.string(variable) } }
      }
      writer.member("memoryMB", String(job.needs.memoryMB))
      writer.member("cores", job.needs.coresText)
      writer.member("command") { writer in
        writer.array { for word in job.command { $0.string(word) } }
      }
      if let directory = job.workingDirectory { writer.member("workingDirectory", directory) }
      if job.timeoutSeconds > 0 { writer.member("timeoutSeconds", job.timeoutSeconds) }
      if let grace = job.killGraceSeconds { writer.member("killGraceSeconds", grace) }
      if let world = job.world { writer.members(of: world) }
    }
  }
  /// As a document says them.
  private mutating func members(of world: Job.World) {
    switch world.stdin {
    case .text(let text): member("stdin", text)
    case .file(let path): member("stdin") { $0.object { $0.member("file", path) } }
    case nil: break
    }
    if let umask = world.umask { member("umask", umask.text) }
    if let openFiles = world.openFiles { member("openFiles", openFiles) }
    if world.isPinned { member("pin", true) }
  }
}
