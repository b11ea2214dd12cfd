/// Reads a DAG document in one pass: every fault of form is noted and reading goes on behind it; only
/// broken JSON ends it, since nothing after that can be trusted to mean anything.
///
/// What needs the whole document (names, templates, cycles) is checked afterwards, by `RunPlan`.
public struct DocumentReader {
  /// A document as it is submitted, or only its `tasks`, as a generator prints them.
  public enum Form: Sendable { case document, tasks }

  public private(set) var document: DAGDocument
  public private(set) var faults = FaultList()

  private static let members: [StaticString] = ["tag", "labels", "parameters", "jobDefaults", "tasks"]
  private static let laterMembers: [StaticString] = [
    "matrix", "priority", "pools", "secrets", "resources", "outputs", "schedule", "maxParallel",
  ]
  private static let taskMembers: [StaticString] = [
    "job", "parents", "children", "maxRetries", "retryIntervalSeconds", "isGenerator", "maxLost",
    "leaseSeconds",
  ]
  private static let laterTaskMembers: [StaticString] = [
    "matrix", "match", "zip", "when", "parameters", "priority", "outputs", "retry", "pool", "labels",
  ]
  /// `[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}`
  static let nameLengthLimit = 200

  private init(text: [UInt8]) { document = DAGDocument(text: text) }

  /// Thrown: the text is no JSON object that is taken here (400 whoever asks). All else is in `faults`.
  public static func read(_ text: [UInt8], as form: Form) throws(JSONFault) -> DocumentReader {
    let text = withoutBOM(text)
    if text.count > TextSpan.textLimit {
      throw JSONFault(offset: 0, message: "the text is longer than \(TextSpan.textLimit) bytes")
    }
    var result = DocumentReader(text: text)
    var thrown: JSONFault?
    text.withUnsafeBufferPointer { bytes in
      do throws(JSONFault) { try result.read(bytes, form) } catch { thrown = error }
    }
    if let thrown { throw thrown }
    return result
  }

  private static func withoutBOM(_ text: [UInt8]) -> [UInt8] {
    text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.dropFirst(3)) : text
  }

  private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>, _ form: Form) throws(JSONFault) {
    var reader = JSONReader(bytes)
    guard try reader.peek() == .object else {
      let what = form == .document ? "a DAG" : "what a generator prints"
      throw reader.fault("\(what) is a JSON object: it begins with '{'")
    }
    switch form {
    case .document: try readDocument(&reader)
    case .tasks: try readTasks(&reader, path: "")
    }
    try reader.end()
  }

  private mutating func readDocument(_ reader: inout JSONReader) throws(JSONFault) {
    let start = reader.offset
    var hasTasks = false
    try reader.object { (reader, name) throws(JSONFault) in
      switch MemberReading.index(of: name, in: Self.members, reader.bytes) {
      case 0: document.tag = try plainString(&reader, "tag") { "/tag" } ?? ""
      case 1: try readLabels(&reader)
      case 2: try readParameters(&reader)
      case 3: document.jobDefaults = try JobReader.read(&reader, &faults) { "/jobDefaults" }
      case 4:
        hasTasks = true
        guard try MemberReading.expect(.object, "an object of tasks", &reader, &faults, path: { "/tasks" })
        else {
          return
        }
        let offset = reader.offset
        try readTasks(&reader, path: "/tasks")
        if document.tasks.isEmpty {
          faults.add("there is no task", at: offset, path: "/tasks", hint: "name at least one")
        }
      default:
        MemberReading.unknown(
          name, of: "a DAG", known: Self.members, later: Self.laterMembers, reader, &faults
        ) { "" }
        try reader.skip()
      }
    }
    if !hasTasks { faults.add("\"tasks\" is missing", at: start, path: "", hint: "name at least one task") }
  }

  /// A string where nothing is substituted.
  private mutating func plainString(
    _ reader: inout JSONReader, _ what: StaticString, path: () -> String
  ) throws(JSONFault) -> String? {
    guard try MemberReading.expect(.string, "a string", &reader, &faults, path: path) else { return nil }
    let span = TextSpan(try reader.text())
    if span.withBytes(in: reader.bytes, Template.namesSomething) {
      faults.add("nothing is substituted in \(what)", at: span.quoteOffset, path: path())
    }
    return span.string(in: reader.bytes)
  }

  private mutating func readLabels(_ reader: inout JSONReader) throws(JSONFault) {
    guard try MemberReading.expect(.object, "an object", &reader, &faults, path: { "/labels" }) else {
      return
    }
    try reader.object { (reader, name) throws(JSONFault) in
      let word = reader.string(name)
      func at() -> String { "/labels/" + JSONPointer.token(word) }
      if word.isEmpty { faults.add("a label needs a name", at: name.offset, path: at()) }
      if TextSpan(name).withBytes(in: reader.bytes, Template.namesSomething) {
        faults.add("nothing is substituted in labels", at: name.offset, path: at())
      }
      if let value = try plainString(&reader, "labels", path: at) {
        document.labels.append(DAGDocument.Label(name: word, value: value))
      }
    }
  }

  private mutating func readParameters(_ reader: inout JSONReader) throws(JSONFault) {
    guard try MemberReading.expect(.object, "an object", &reader, &faults, path: { "/parameters" }) else {
      return
    }
    try reader.object { (reader, name) throws(JSONFault) in
      let span = TextSpan(name)
      let text = reader.bytes
      func at() -> String { "/parameters/" + JSONPointer.token(span.string(in: text)) }
      var parameter = DAGDocument.Parameter(name: span, values: [], isList: false, isBroken: false)
      if !span.withBytes(in: text, { Template.isIdentifier($0) }) {
        faults.add(
          "\"\(span.string(in: text))\" is no name of a parameter", at: name.offset, path: at(),
          hint: "letters, digits and _, not beginning with a digit")
        parameter.isBroken = true
      }
      switch try reader.peek() {
      case .string, .number: parameter.values = [try value(&reader)]
      case .array:
        parameter.isList = true
        try reader.array { (reader, index) throws(JSONFault) in
          let kind = try reader.peek()
          if kind == .string || kind == .number {
            parameter.values.append(try value(&reader))
          } else {
            parameter.isBroken = true
            try MemberReading.wrong(kind, "a string or a number", &reader, &faults) { at() + "/\(index)" }
          }
        }
      case let other:
        parameter.isBroken = true
        try MemberReading.wrong(other, "a string or a list of strings", &reader, &faults, path: at)
      }
      document.parameters.append(parameter)
    }
  }

  private func value(_ reader: inout JSONReader) throws(JSONFault) -> TextSpan {
    try reader.peek() == .string
      ? TextSpan(try reader.text()) : TextSpan(raw: try reader.number(), hasEscapes: false)
  }

  // MARK: Tasks

  private mutating func readTasks(_ reader: inout JSONReader, path: String) throws(JSONFault) {
    try reader.object { (reader, name) throws(JSONFault) in
      let span = TextSpan(name)
      let text = reader.bytes
      func at() -> String { path + "/" + JSONPointer.token(span.string(in: text)) }
      _ = try reader.peek()
      var task = TaskRecord(name: span, offset: UInt32(reader.offset))
      if !span.withBytes(in: text, Self.isTaskName) {
        faults.add(
          span.withBytes(in: text, Template.namesSomething)
            ? "nothing is substituted in a task's name"
            : "\"\(MemberReading.shown(span.raw, reader))\" is no name of a task", at: name.offset,
          path: at(),
          hint: "letters, digits, _ and, not at the beginning, any of . : -; at most \(Self.nameLengthLimit)")
      }
      try readTask(&reader, &task, path: at)
      document.tasks.append(task)
    }
  }

  /// `[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}`: also what an agent may be called, since both stand in paths.
  public static func isTaskName(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = bytes.first, bytes.count <= nameLengthLimit, Template.isNamePart(first) else {
      return false
    }
    return bytes.allSatisfy {
      Template.isNamePart($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "-")
    }
  }

  private mutating func readTask(
    _ reader: inout JSONReader, _ task: inout TaskRecord, path: () -> String
  ) throws(JSONFault) {
    guard try MemberReading.expect(.object, "an object", &reader, &faults, path: path) else {
      task.flags.insert(.isBroken)
      return
    }
    try reader.object { (reader, name) throws(JSONFault) in
      func at(_ member: String) -> String { path() + "/" + member }
      switch MemberReading.index(of: name, in: Self.taskMembers, reader.bytes) {
      case 0: try readJob(&reader, &task) { at("job") }
      case 1:
        task.firstParent = UInt32(document.links.count)
        try readLinks(&reader) { at("parents") }
        task.parentCount = UInt32(document.links.count) - task.firstParent
      case 2:
        task.firstChild = UInt32(document.links.count)
        try readLinks(&reader) { at("children") }
        task.childCount = UInt32(document.links.count) - task.firstChild
      case 3: task.maxRetries = try MemberReading.count(&reader, &faults) { at("maxRetries") } ?? 0
      case 4:
        task.retryIntervalSeconds =
          try MemberReading.count(&reader, &faults) { at("retryIntervalSeconds") } ?? 0
      case 5:
        guard
          try MemberReading.expect(.boolean, "true or false", &reader, &faults, path: { at("isGenerator") })
        else { return }
        if try reader.boolean() { task.flags.insert(.isGenerator) }
      case 6: task.maxLost = try MemberReading.count(&reader, &faults) { at("maxLost") }
      case 7: task.lease = try readLease(&reader) { at("leaseSeconds") }
      default:
        MemberReading.unknown(
          name, of: "a task", known: Self.taskMembers, later: Self.laterTaskMembers, reader, &faults,
          path: path)
        try reader.skip()
      }
    }
  }

  private mutating func readLease(
    _ reader: inout JSONReader, path: () -> String
  ) throws(JSONFault) -> TaskLease {
    _ = try reader.peek()
    let offset = reader.offset
    guard let seconds = try MemberReading.count(&reader, &faults, path: path) else { return .standard }
    if let lease = TaskLease(seconds: seconds) { return lease }
    faults.add(
      "a lease is 0 or from \(TaskLease.range.lowerBound) to \(TaskLease.range.upperBound) seconds, not \(seconds)",
      at: offset, path: path(), hint: "0: it never ends, and only a person has the task run elsewhere")
    return .standard
  }

  private mutating func readJob(
    _ reader: inout JSONReader, _ task: inout TaskRecord, path: () -> String
  ) throws(JSONFault) {
    let isObject = try reader.peek() == .object
    let job = try JobReader.read(&reader, &faults, path: path)
    if !isObject { task.flags.insert(.isBroken) }
    task.job = UInt32(job.offset)
    if job.saysCommand { task.flags.insert(.hasCommand) }
    if job.hasBraces || reader.offset - job.offset > JobSize.certain { task.flags.insert(.needsLook) }
    if let isPinned = job.isPinned { task.flags.formUnion(isPinned ? [.saysPin, .isPinned] : .saysPin) }
    task.milliCores = job.milliCores ?? 0
    task.memoryMB = job.memoryMB ?? 0
  }

  private mutating func readLinks(_ reader: inout JSONReader, path: () -> String) throws(JSONFault) {
    guard try MemberReading.expect(.array, "a list of task names", &reader, &faults, path: path) else {
      return
    }
    try reader.array { (reader, index) throws(JSONFault) in
      func at() -> String { path() + "/\(index)" }
      switch try reader.peek() {
      case .string: document.links.append(TextSpan(try reader.text()))
      case .object:
        faults.add(
          "an edge with members of its own is not yet known to this version", at: reader.offset, path: at(),
          hint: "write the task's name")
        try reader.skip()
      case let other: try MemberReading.wrong(other, "a task's name", &reader, &faults, path: at)
      }
    }
  }
}
