/// Reads one job object. Used twice: with faults when a document comes in, and by span when a task is
/// dispatched or shown; so there is one idea of what a job's text means.
public enum JobReader {
  private static let known: [StaticString] = [
    "command", "commandString", "environment", "cores", "memoryMB", "workingDirectory", "timeoutSeconds",
    "killGraceSeconds", "stdin", "umask", "openFiles", "pin",
  ]
  /// Members of later versions: refused by name, never ignored.
  private static let later: [StaticString] = [
    "resources", "secrets", "priority", "constraints", "user", "shell", "container", "image", "outputs",
    "inputs",
  ]
  /// What the agent sets itself begins so.
  static let reservedPrefix = Array("CARAVAN_".utf8)

  /// The reader stands before the job's value; `path` is the job's.
  public static func read(
    _ reader: inout JSONReader, _ faults: inout FaultList, path: () -> String
  ) throws(JSONFault) -> JobTemplate {
    var job = JobTemplate()
    guard try MemberReading.expect(.object, "an object", &reader, &faults, path: path) else {
      job.offset = reader.offset
      return job
    }
    job.offset = reader.offset
    var commandNames: (command: Int?, string: Int?)
    try reader.object { (reader, name) throws(JSONFault) in
      func at(_ member: String) -> String { path() + "/" + member }
      switch MemberReading.index(of: name, in: known, reader.bytes) {
      case 0:
        commandNames.command = name.offset
        job.command = try command(&reader, &faults, &job.hasBraces) { at("command") }
      case 1:
        commandNames.string = name.offset
        job.commandString = try nonEmpty("a shell script", &reader, &faults, &job.hasBraces) {
          at("commandString")
        }
      case 2: job.environment = try environment(&reader, &faults, &job.hasBraces) { at("environment") }
      case 3: job.milliCores = try cores(&reader, &faults) { at("cores") }
      case 4: job.memoryMB = try memory(&reader, &faults) { at("memoryMB") }
      case 5:
        job.workingDirectory = try nonEmpty("a folder", &reader, &faults, &job.hasBraces) {
          at("workingDirectory")
        }
      case 6: job.timeoutSeconds = try MemberReading.count(&reader, &faults) { at("timeoutSeconds") }
      case 7: job.killGraceSeconds = try MemberReading.count(&reader, &faults) { at("killGraceSeconds") }
      case 8: job.stdin = try input(&reader, &faults, &job.hasBraces) { at("stdin") }
      case 9: job.umask = try mask(&reader, &faults) { at("umask") }
      case 10: job.openFiles = try openFiles(&reader, &faults) { at("openFiles") }
      case 11:
        if try MemberReading.expect(.boolean, "true or false", &reader, &faults, path: { at("pin") }) {
          job.isPinned = try reader.boolean()
        }
      default:
        MemberReading.unknown(
          name, of: "a job", known: known, later: later, reader, &faults, path: path)
        try reader.skip()
      }
    }
    job.saysCommand = commandNames.command != nil || commandNames.string != nil
    if let first = commandNames.command, let second = commandNames.string {
      faults.add(
        "a job has either a command or a commandString", at: max(first, second),
        path: path() + (first > second ? "/command" : "/commandString"), hint: "leave one of them out")
    }
    return job
  }

  private static func command(
    _ reader: inout JSONReader, _ faults: inout FaultList, _ hasBraces: inout Bool, path: () -> String
  ) throws(JSONFault) -> [TextSpan] {
    let offset: Int
    var words: [TextSpan] = []
    var isWhole = true
    switch try reader.peek() {
    case .array: offset = reader.offset
    case .string:
      faults.add(
        "a command is a list of strings", at: reader.offset, path: path(),
        hint: "write [\"program\", \"argument\"], or use commandString for a line of shell")
      try reader.skip()
      return words
    case let other:
      try MemberReading.wrong(other, "a list of strings", &reader, &faults, path: path)
      return words
    }
    try reader.array { (reader, index) throws(JSONFault) in
      func at() -> String { path() + "/\(index)" }
      switch try reader.peek() {
      case .string:
        let word = TextSpan(try reader.text())
        note(word, reader, &hasBraces)
        words.append(word)
      case .number:
        isWhole = false
        faults.add(
          "an argument is a string", at: reader.offset, path: at(), hint: "put it in double quotes")
        try reader.skip()
      case let other:
        isWhole = false
        try MemberReading.wrong(other, "a string", &reader, &faults, path: at)
      }
    }
    if words.isEmpty, isWhole {
      faults.add("the command is empty", at: offset, path: path(), hint: "name a program")
    } else if let first = words.first, first.length == 0 {
      faults.add(
        "the command's program is empty", at: first.quoteOffset, path: path() + "/0", hint: "name a program")
    }
    return words
  }

  static func nonEmpty(
    _ what: StaticString, _ reader: inout JSONReader, _ faults: inout FaultList, _ hasBraces: inout Bool,
    path: () -> String
  ) throws(JSONFault) -> TextSpan? {
    guard try MemberReading.expect(.string, "a string", &reader, &faults, path: path) else { return nil }
    let span = TextSpan(try reader.text())
    note(span, reader, &hasBraces)
    if span.length == 0 {
      faults.add("\(what) should stand here, not an empty string", at: span.quoteOffset, path: path())
    }
    return span
  }

  /// A list of `NAME=value`, or an object.
  private static func environment(
    _ reader: inout JSONReader, _ faults: inout FaultList, _ hasBraces: inout Bool, path: () -> String
  ) throws(JSONFault) -> [JobTemplate.Variable] {
    var variables: [JobTemplate.Variable] = []
    var names = VariableNames()
    switch try reader.peek() {
    case .object:
      try reader.object { (reader, name) throws(JSONFault) in
        let span = TextSpan(name)
        let text = reader.bytes
        func at() -> String { path() + "/" + JSONPointer.token(span.string(in: text)) }
        let length = span.withBytes(in: text) { bytes in
          names.check(bytes, offset: name.offset, isNew: true, &faults, path: at)
          return bytes.count
        }
        guard try MemberReading.expect(.string, "a string", &reader, &faults, path: at) else { return }
        let value = TextSpan(try reader.text())
        note(value, reader, &hasBraces)
        variables.append(JobTemplate.Variable(name: span, value: value, nameLength: Int32(length)))
      }
    case .array:
      try reader.array { (reader, index) throws(JSONFault) in
        func at() -> String { path() + "/\(index)" }
        guard try MemberReading.expect(.string, "a string NAME=value", &reader, &faults, path: at) else {
          return
        }
        let span = TextSpan(try reader.text())
        note(span, reader, &hasBraces)
        let length: Int? = span.withBytes(in: reader.bytes) { bytes in
          guard let end = bytes.firstIndex(of: UInt8(ascii: "=")) else {
            faults.add(
              "\"\(MemberReading.shown(span.raw, reader))\" has no '='", at: span.quoteOffset, path: at(),
              hint: "write NAME=value")
            return nil
          }
          names.check(
            UnsafeBufferPointer(rebasing: bytes[..<end]), offset: span.quoteOffset, isNew: false, &faults,
            path: at)
          return end
        }
        guard let length else { return }
        variables.append(JobTemplate.Variable(name: span, value: nil, nameLength: Int32(length)))
      }
    case let other:
      try MemberReading.wrong(other, "a list of NAME=value, or an object", &reader, &faults, path: path)
    }
    return variables
  }

  private static func cores(
    _ reader: inout JSONReader, _ faults: inout FaultList, path: () -> String
  ) throws(JSONFault) -> Int64? {
    guard let span = try MemberReading.numberOrString("a number of cores", &reader, &faults, path: path)
    else {
      return nil
    }
    return amount(
      span, "cores", "a number of cores like 1 or 0.5", most: ResourceVector.mostCoresText, reader, &faults,
      path, Quantity.thousandths)
  }

  private static func memory(
    _ reader: inout JSONReader, _ faults: inout FaultList, path: () -> String
  ) throws(JSONFault) -> Int64? {
    guard let span = try MemberReading.numberOrString("a number of MB", &reader, &faults, path: path) else {
      return nil
    }
    return amount(
      span, "memoryMB", "a whole number of MB", most: "\(ResourceVector.most)", reader, &faults, path,
      Quantity.whole)
  }

  private static func amount(
    _ span: TextSpan, _ name: String, _ what: String, most: @autoclosure () -> String, _ reader: JSONReader,
    _ faults: inout FaultList, _ path: () -> String, _ parse: (UnsafeBufferPointer<UInt8>) -> Int64?
  ) -> Int64? {
    let value = span.withBytes(in: reader.bytes, parse)
    if let value, value > 0, value <= ResourceVector.most { return value }
    let isString = span.raw.lowerBound > 0 && reader.bytes[span.raw.lowerBound - 1] == UInt8(ascii: "\"")
    let isNegative = span.length > 0 && reader.bytes[span.raw.lowerBound] == UInt8(ascii: "-")
    let isReference = span.withBytes(in: reader.bytes, Template.namesSomething)
    let shown = MemberReading.shown(span.raw, reader)
    let words =
      if value == 0 || isNegative {
        "\(name) must be above zero, not \(shown)"
      } else if value != nil {
        "\(name) must be at most \(most()), not \(shown)"
      } else if isReference {
        "nothing is substituted in \(name)"
      } else {
        "\(name) should be \(what), not \(shown)"
      }
    faults.add(
      words, at: isString ? span.quoteOffset : span.raw.lowerBound, path: path(),
      hint: value == nil && !isNegative && name == "cores"
        ? "at most three decimals, no exponent" : nil)
    return nil
  }

  /// Notes whether a string may hold a template. Escapes may spell braces: those are looked at later.
  static func note(_ span: TextSpan, _ reader: JSONReader, _ hasBraces: inout Bool) {
    if hasBraces { return }
    hasBraces =
      span.hasEscapes
      ? span.withBytes(in: reader.bytes, Template.hasBraces)
      : Template.hasBraces(UnsafeBufferPointer(rebasing: reader.bytes[span.raw]))
  }
}

/// The names of one environment so far, with the rules that each must keep.
private struct VariableNames {
  private static let fewLimit = 16
  private var few: [[UInt8]] = []
  private var many: Set<[UInt8]> = []

  /// `isNew`: somebody has made sure already that it is not there twice.
  mutating func check(
    _ name: UnsafeBufferPointer<UInt8>, offset: Int, isNew: Bool, _ faults: inout FaultList,
    path: () -> String
  ) {
    func shown() -> String { String(decoding: name.prefix(60), as: UTF8.self) }
    if !Template.isIdentifier(name) {
      faults.add(
        "\"\(shown())\" is no name of an environment variable", at: offset, path: path(),
        hint: "letters, digits and _, not beginning with a digit")
    } else if name.starts(with: JobReader.reservedPrefix) {
      faults.add(
        "\"\(shown())\" is set by the agent itself", at: offset, path: path(),
        hint: "names that begin with CARAVAN_ are kept")
    } else if !isNew, !insert(name) {
      faults.add("\"\(shown())\" is there twice", at: offset, path: path())
    }
  }

  private mutating func insert(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
    if few.count < Self.fewLimit {
      if few.contains(where: { $0.elementsEqual(name) }) { return false }
      few.append(Array(name))
      return true
    }
    if many.isEmpty { many = Set(few) }
    return many.insert(Array(name)).inserted
  }
}
