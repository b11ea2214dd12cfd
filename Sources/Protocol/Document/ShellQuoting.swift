/// Finds parameters that stand where a single-quoted word would not be one word: inside quotes, backticks,
/// `$((…))`, `${…}`, a comment or a here-document, or right behind a `$` (`$'…'` is a quote of its own in
/// bash).
///
/// A small machine over the shell's lexical rules (POSIX Shell Command Language, 2.2–2.3, 2.6, 2.7.4), with
/// a stack of what is open. Where shells differ, or where only a full parser would know (`case` inside
/// `$(…)`), it gives up and every later parameter counts as misplaced: a needless fault is mended in a
/// minute, a value that is run as code is not. The alternative, letting values pass as `$1 $2 …` of
/// `sh -c`, would make scripts look unlike what people write and see.
public struct ShellQuoting {
  public struct Misplaced: Hashable, Sendable {
    public var name: String
    /// "inside double quotes".
    public var place: String
  }

  /// `script` is decoded and not yet substituted.
  public static func misplaced(in script: UnsafeBufferPointer<UInt8>) -> [Misplaced] {
    var machine = ShellQuoting()
    Template.scan(script) { piece in
      switch piece {
      case .plain(let range): machine.text.append(contentsOf: script[range])
      case .reference(let range):
        machine.names.append(String(decoding: script[range], as: UTF8.self))
        // U+0000 is in no document: it stands for a parameter.
        machine.text.append(0)
      }
    }
    if machine.names.isEmpty { return [] }
    machine.run()
    return machine.found
  }

  private enum Open {
    case command
    case parenthesis
    case double
    case brace
    case arithmetic(depth: Int)
    case backtick
  }

  private struct HereDocument {
    var end: [UInt8]
    var isQuoted: Bool
    var skipsTabs: Bool
  }

  private var text: [UInt8] = []
  private var names: [String] = []
  private var found: [Misplaced] = []
  private var at = 0
  private var met = 0
  private var open: [Open] = []
  private var awaited: [HereDocument] = []
  /// The unquoted word being read; empty between words.
  private var word: [UInt8] = []
  private var isInWord = false
  private var isUnclear = false

  private init() {}

  private func byte(_ ahead: Int = 0) -> UInt8? { at + ahead < text.count ? text[at + ahead] : nil }
  private func sees(_ ahead: Int, _ scalar: Unicode.Scalar) -> Bool { byte(ahead) == UInt8(ascii: scalar) }

  private mutating func run() {
    while at < text.count {
      switch open.last {
      case nil, .command, .parenthesis: plain()
      case .double: double()
      case .brace: brace()
      case .arithmetic(let depth): arithmetic(depth)
      case .backtick: backtick()
      }
    }
  }

  // MARK: Parameters

  /// A parameter at `at`: passes it, and notes it where it cannot stand.
  private mutating func parameter(_ place: String? = nil) {
    var place = place
    if place == nil {
      for outer in open.reversed() where place == nil {
        switch outer {
        case .brace: place = "inside ${…}"
        case .arithmetic: place = "inside $((…))"
        case .backtick: place = "inside backticks"
        case .command, .parenthesis, .double: break
        }
      }
    }
    if place == nil, isUnclear { place = "behind something that shells read differently" }
    if let place { found.append(Misplaced(name: names[met], place: place)) }
    met += 1
    at += 1
  }

  // MARK: Unquoted

  private mutating func plain() {
    let b = text[at]
    switch b {
    case 0:
      isInWord = true
      word.append(b)
      if at > 0, text[at - 1] == UInt8(ascii: "$") { parameter("right behind a $") } else { parameter() }
    case UInt8(ascii: "\\"):
      // A backslash before the line's end joins the lines and is in no word.
      if !sees(1, "\n") {
        isInWord = true
        word.append(0)
      }
      at += 2
    case UInt8(ascii: "'"):
      single()
    case UInt8(ascii: "\""):
      part()
      open.append(.double)
      at += 1
    case UInt8(ascii: "`"):
      part()
      open.append(.backtick)
      at += 1
    case UInt8(ascii: "$"): dollar()
    case UInt8(ascii: "#") where !isInWord: comment()
    case UInt8(ascii: "\n"):
      endWord()
      at += 1
      readHereDocuments()
    case UInt8(ascii: "<") where sees(1, "<"): redirection()
    case UInt8(ascii: "("):
      endWord()
      open.append(.parenthesis)
      at += 1
    case UInt8(ascii: ")"):
      endWord()
      if !open.isEmpty { closeCommand() }
      at += 1
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"),
      UInt8(ascii: "<"), UInt8(ascii: ">"):
      endWord()
      at += 1
    default:
      isInWord = true
      word.append(b)
      at += 1
    }
  }

  /// A quoted part makes the word no keyword.
  private mutating func part() {
    isInWord = true
    word.append(0)
  }

  private mutating func endWord() {
    isInWord = false
    // The `)` of a pattern would look like the end of `$(`.
    if word.elementsEqual("case".utf8), isInsideCommand { isUnclear = true }
    word.removeAll(keepingCapacity: true)
  }

  private var isInsideCommand: Bool {
    open.contains { if case .command = $0 { true } else { false } }
  }

  private mutating func closeCommand() {
    if case .command = open.removeLast() {
      // What follows goes on with the word that `$(` began.
      isInWord = true
      word.append(0)
    }
  }

  private mutating func single() {
    let isDollar = at > 0 && text[at - 1] == UInt8(ascii: "$")
    part()
    at += 1
    while at < text.count, text[at] != UInt8(ascii: "'") {
      // bash takes `\'` in `$'…'` as a quote that goes on, dash as its end.
      if isDollar, text[at] == UInt8(ascii: "\\") { isUnclear = true }
      if text[at] == 0 { parameter("inside single quotes") } else { at += 1 }
    }
    at += 1
  }

  private mutating func comment() {
    while at < text.count, text[at] != UInt8(ascii: "\n") {
      if text[at] == 0 { parameter("inside a comment") } else { at += 1 }
    }
  }

  private mutating func dollar() {
    part()
    if sees(1, "("), sees(2, "(") {
      open.append(.arithmetic(depth: 0))
      at += 3
    } else if sees(1, "(") {
      open.append(.command)
      word.removeAll(keepingCapacity: true)
      isInWord = false
      at += 2
    } else if sees(1, "{") {
      open.append(.brace)
      at += 2
    } else {
      at += 1
    }
  }

  // MARK: Quoted

  private mutating func double() {
    switch text[at] {
    case 0: parameter("inside double quotes")
    case UInt8(ascii: "\\"): at += 2
    case UInt8(ascii: "\""):
      open.removeLast()
      at += 1
    case UInt8(ascii: "`"):
      open.append(.backtick)
      at += 1
    case UInt8(ascii: "$"): dollar()
    default: at += 1
    }
  }

  private mutating func brace() {
    switch text[at] {
    case 0: parameter()
    case UInt8(ascii: "\\"): at += 2
    case UInt8(ascii: "}"):
      open.removeLast()
      at += 1
    case UInt8(ascii: "\""):
      // A quote that opens here, or that closes what the brace stands in: shells differ.
      if isInsideDouble { isUnclear = true }
      open.append(.double)
      at += 1
    case UInt8(ascii: "'"):
      if isInsideDouble {
        isUnclear = true
        at += 1
      } else {
        single()
      }
    case UInt8(ascii: "`"):
      open.append(.backtick)
      at += 1
    case UInt8(ascii: "$"): dollar()
    default: at += 1
    }
  }

  private var isInsideDouble: Bool {
    open.contains { if case .double = $0 { true } else { false } }
  }

  private mutating func arithmetic(_ depth: Int) {
    switch text[at] {
    case 0: parameter()
    case UInt8(ascii: "("):
      open[open.count - 1] = .arithmetic(depth: depth + 1)
      at += 1
    case UInt8(ascii: ")"):
      if depth > 0 {
        open[open.count - 1] = .arithmetic(depth: depth - 1)
        at += 1
      } else {
        // `$((…) …)` is a command in a subshell after all.
        if !sees(1, ")") { isUnclear = true }
        open.removeLast()
        at += 2
      }
    case UInt8(ascii: "$"): dollar()
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"), UInt8(ascii: "#"):
      isUnclear = true
      at += 1
    default: at += 1
    }
  }

  private mutating func backtick() {
    switch text[at] {
    case 0: parameter()
    case UInt8(ascii: "\\"): at += 2
    case UInt8(ascii: "`"):
      open.removeLast()
      at += 1
    default: at += 1
    }
  }

  // MARK: Here-documents

  /// `<<WORD`, `<<-WORD`, and bash's `<<<`, which is followed by a word like any other.
  private mutating func redirection() {
    endWord()
    at += 2
    if sees(0, "<") {
      at += 1
      return
    }
    var document = HereDocument(end: [], isQuoted: false, skipsTabs: false)
    if sees(0, "-") {
      document.skipsTabs = true
      at += 1
    }
    while sees(0, " ") || sees(0, "\t") { at += 1 }
    delimiter: while at < text.count {
      switch text[at] {
      case 0: parameter("as the end of a here-document")
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: ";"), UInt8(ascii: "&"),
        UInt8(ascii: "|"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "("), UInt8(ascii: ")"):
        break delimiter
      case UInt8(ascii: "\\"):
        document.isQuoted = true
        if let next = byte(1) { document.end.append(next) }
        if sees(1, "\n") { isUnclear = true }
        at += 2
      case UInt8(ascii: "'"), UInt8(ascii: "\""):
        let quote = text[at]
        document.isQuoted = true
        at += 1
        while at < text.count, text[at] != quote {
          if text[at] == 0 {
            parameter("as the end of a here-document")
          } else {
            if text[at] == UInt8(ascii: "\\") { isUnclear = true }
            document.end.append(text[at])
            at += 1
          }
        }
        at += 1
      case UInt8(ascii: "$"), UInt8(ascii: "`"):
        isUnclear = true
        document.end.append(text[at])
        at += 1
      default:
        document.end.append(text[at])
        at += 1
      }
    }
    awaited.append(document)
  }

  private mutating func readHereDocuments() {
    while !awaited.isEmpty, at < text.count {
      let document = awaited.removeFirst()
      while at < text.count {
        var line = readLine(joined: !document.isQuoted)
        if !document.isQuoted, !Self.isBalanced(line) { isUnclear = true }
        if document.skipsTabs { line = Array(line.drop { $0 == UInt8(ascii: "\t") }) }
        if line == document.end { break }
      }
    }
  }

  /// A line without its end; a parameter in it is noted. In an unquoted document a backslash joins lines.
  private mutating func readLine(joined: Bool) -> [UInt8] {
    var line: [UInt8] = []
    while at < text.count {
      let b = text[at]
      if b == 0 {
        line.append(b)
        parameter("inside a here-document")
      } else if joined, b == UInt8(ascii: "\\"), let next = byte(1) {
        if next != UInt8(ascii: "\n") { line.append(contentsOf: [b, next]) }
        if next == 0 { parameter("inside a here-document") } else { at += 2 }
      } else if b == UInt8(ascii: "\n") {
        at += 1
        break
      } else {
        line.append(b)
        at += 1
      }
    }
    return line
  }

  /// Whether what a line of a here-document opens (`$(`, `${`, a backtick) ends in it too. Where it does
  /// not, shells differ in whether the document can end meanwhile.
  private static func isBalanced(_ line: [UInt8]) -> Bool {
    var parentheses = 0
    var braces = 0
    var backticks = 0
    var previous: UInt8 = 0
    for b in line {
      switch b {
      case UInt8(ascii: "("): if previous == UInt8(ascii: "$") || parentheses > 0 { parentheses += 1 }
      case UInt8(ascii: ")"): if parentheses > 0 { parentheses -= 1 }
      case UInt8(ascii: "{"): if previous == UInt8(ascii: "$") || braces > 0 { braces += 1 }
      case UInt8(ascii: "}"): if braces > 0 { braces -= 1 }
      case UInt8(ascii: "`"): backticks += 1
      default: break
      }
      previous = b
    }
    return parentheses == 0 && braces == 0 && backticks % 2 == 0
  }
}
