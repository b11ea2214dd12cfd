/// Reads a command line against the flags a program knows. Flags and arguments may be mixed; `--` ends the
/// flags; `-` alone is an argument (standard input); `-h` is `--help` where that is declared.
public struct FlagParser: Sendable {
  public let flags: [Flag]

  public init(_ flags: [Flag]) { self.flags = flags }

  /// `words`: the command line without the program's name.
  public func parse(_ words: [String]) throws(FlagFault) -> ParsedFlags {
    var parsed = ParsedFlags()
    var at = 0
    while at < words.count {
      let word = words[at]
      at += 1
      if word == "--" {
        parsed.arguments += words[at...]
        break
      }
      guard word.hasPrefix("-"), word != "-" else {
        parsed.arguments.append(word)
        continue
      }
      let (flag, attached) = try flag(for: word)
      var value = attached
      if flag.valueName == nil {
        if attached != nil { throw FlagFault("--\(flag.name) takes no value") }
      } else if value == nil {
        // A value that looks like a flag is most likely a forgotten value; --name=-x says it all the same.
        guard at < words.count, !words[at].hasPrefix("--") else {
          throw FlagFault("--\(flag.name) needs a value: \(flag.usage)")
        }
        value = words[at]
        at += 1
      }
      if !flag.isRepeated, flag.valueName != nil, parsed.has(flag.name) {
        throw FlagFault("--\(flag.name) is given twice")
      }
      parsed.given.append((flag.name, value ?? ""))
    }
    return parsed
  }

  private func flag(for word: String) throws(FlagFault) -> (Flag, attached: String?) {
    if word == "-h", let help = flags.first(where: { $0.name == "help" }) { return (help, nil) }
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let spelled = String(parts[0])
    if let flag = flags.first(where: { "--" + $0.name == spelled }) {
      return (flag, parts.count == 2 ? String(parts[1]) : nil)
    }
    let hint = NearestName.of(spelled, among: flags.map { "--" + $0.name }).map { "; did you mean \($0)?" }
    throw FlagFault("unknown flag \(spelled)" + (hint ?? ""))
  }

  /// Lines for the help, one a flag, the texts in one column.
  public var help: [String] {
    let width = flags.map { $0.usage.count }.max() ?? 0
    return flags.map { flag in
      "  " + flag.usage + String(repeating: " ", count: width - flag.usage.count) + "  " + flag.help
    }
  }
}

/// What a command line said.
public struct ParsedFlags: Sendable {
  /// What is no flag, in order.
  public internal(set) var arguments: [String] = []
  var given: [(name: String, value: String)] = []

  public func has(_ name: String) -> Bool { given.contains { $0.name == name } }
  public func value(_ name: String) -> String? { given.last { $0.name == name }?.value }
  /// All values of a repeated flag, in order.
  public func values(_ name: String) -> [String] { given.filter { $0.name == name }.map(\.value) }

  /// A whole number, nil where the flag was not given.
  public func integer(_ name: String, in range: ClosedRange<Int64>) throws(FlagFault) -> Int64? {
    guard let text = value(name) else { return nil }
    guard !text.hasPrefix("+"), let number = Int64(text), range.contains(number) else {
      throw FlagFault(
        "--\(name) takes a whole number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return number
  }

  /// For programs that take flags only.
  public func expectNoArguments() throws(FlagFault) {
    if let first = arguments.first { throw FlagFault("unexpected argument '\(first)'") }
  }
}
