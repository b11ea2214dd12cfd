import Protocol

/// What the jobs of a run share: the parameters and jobDefaults of the submitted document. Generated tasks
/// use them too.
final class JobContext: Sendable {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  /// The submitted document's, which the spans point into.
  let text: [UInt8]
  /// By name, bytewise: the order in which they expand.
  let parameters: [DAGDocument.Parameter]
  private let names: [[UInt8]]
  let defaults: JobTemplate?
  let defaultNeeds: ResourceVector

  init(_ document: DAGDocument) {
    text = document.text
    defaults = document.jobDefaults
    defaultNeeds = ResourceVector(
      milliCores: document.jobDefaults?.milliCores ?? Job.defaultNeeds.milliCores,
      memoryMB: document.jobDefaults?.memoryMB ?? Job.defaultNeeds.memoryMB)
    let named = document.text.withUnsafeBufferPointer { text in
      document.parameters.map { (name: $0.name.bytes(in: text), parameter: $0) }
    }.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    names = named.map(\.name)
    parameters = named.map(\.parameter)
  }

  func name(_ parameter: Int) -> String { String(decoding: names[parameter], as: UTF8.self) }

  /// The parameter of that name, as an index into `parameters`.
  func find(_ name: Bytes) -> Int? {
    var low = 0
    var high = names.count
    while low < high {
      let middle = (low + high) / 2
      if names[middle].lexicographicallyPrecedes(name) { low = middle + 1 } else { high = middle }
    }
    return low < names.count && names[low].elementsEqual(name) ? low : nil
  }

  /// Calls `body` with each string that a job comes to have, jobDefaults filled in: the task's own command
  /// beats either of the defaults', environments merge by name (the task's wins, in the default's place).
  func strings(
    of own: JobTemplate, in ownText: Bytes, defaults text: Bytes, _ body: (JobString) -> Void
  ) {
    let source = own.saysCommand ? own : defaults ?? own
    let sourceText = own.saysCommand ? ownText : text
    func say(_ role: JobString.Role, _ span: TextSpan, _ text: Bytes, _ isOwn: Bool) {
      body(JobString(role: role, span: span, text: text, isOwn: isOwn))
    }
    if let script = source.commandString {
      say(.script, script, sourceText, own.saysCommand)
    } else {
      for (index, word) in (source.command ?? []).enumerated() {
        say(.argument(index), word, sourceText, own.saysCommand)
      }
    }
    if let directory = own.workingDirectory {
      say(.directory, directory, ownText, true)
    } else if let directory = defaults?.workingDirectory {
      say(.directory, directory, text, false)
    }
    if let input = own.stdin {
      say(input.role, input.span, ownText, true)
    } else if let input = defaults?.stdin {
      say(input.role, input.span, text, false)
    }
    guard let shared = defaults?.environment, !shared.isEmpty else {
      for (index, variable) in own.environment.enumerated() {
        say(.variable(variable, index), variable.value ?? variable.name, ownText, true)
      }
      return
    }
    let ownNames = own.environment.map { $0.nameBytes(in: ownText) }
    var isPlaced = Array(repeating: false, count: ownNames.count)
    for (index, variable) in shared.enumerated() {
      if let place = ownNames.firstIndex(of: variable.nameBytes(in: text)) {
        isPlaced[place] = true
        let mine = own.environment[place]
        say(.variable(mine, place), mine.value ?? mine.name, ownText, true)
      } else {
        say(.variable(variable, index), variable.value ?? variable.name, text, false)
      }
    }
    for (index, variable) in own.environment.enumerated() where !isPlaced[index] {
      say(.variable(variable, index), variable.value ?? variable.name, ownText, true)
    }
  }
}

/// One string of a job, before substitution.
struct JobString {
  enum Role {
    /// Of `command`, with its place.
    case argument(Int)
    /// `commandString`.
    case script
    /// With its place in the environment that it comes from.
    case variable(JobTemplate.Variable, Int)
    case directory
    /// `stdin`, as text or as the path of a file.
    case input
    case inputFile
  }
  var role: Role
  var span: TextSpan
  var text: UnsafeBufferPointer<UInt8>
  /// Else it comes from jobDefaults.
  var isOwn: Bool

  /// Bytes that stand before the span's in what is handed to the program: `NAME=`.
  var prefixLength: Int {
    if case .variable(let variable, _) = role, variable.value != nil { return Int(variable.nameLength) + 1 }
    return 0
  }
}

extension JobTemplate.Input {
  fileprivate var role: JobString.Role {
    switch self {
    case .text: .input
    case .file: .inputFile
    }
  }

  fileprivate var span: TextSpan {
    switch self {
    case .text(let span), .file(let span): span
    }
  }
}

extension JobTemplate.Variable {
  func nameBytes(in text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    value != nil ? name.bytes(in: text) : Array(name.bytes(in: text).prefix(Int(nameLength)))
  }
}
