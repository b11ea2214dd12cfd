import Protocol

/// A place in a family's product of parameters, and what it puts into strings.
struct Substitution {
  typealias Bytes = UnsafeBufferPointer<UInt8>
  let context: JobContext
  let contextText: Bytes
  /// The list parameters the family is expanded over, by name; the first varies slowest.
  let axes: ArraySlice<Int32>
  let ordinal: Int

  /// The value of a parameter at this place.
  private func value(of parameter: Int) -> TextSpan {
    let values = context.parameters[parameter].values
    if !context.parameters[parameter].isList { return values[0] }
    var rest = ordinal
    for axis in axes.reversed() {
      let count = context.parameters[Int(axis)].values.count
      if Int(axis) == parameter { return values[rest % count] }
      rest /= count
    }
    preconditionFailure("\(context.name(parameter)) is no axis of this family")
  }

  /// A string with every parameter put in; in a script each is one single-quoted word.
  func string(_ span: TextSpan, in text: Bytes, prefix: Bytes? = nil, isScript: Bool) -> String {
    span.withBytes(in: text) { bytes in
      if prefix == nil, !Template.hasBraces(bytes) { return String(decoding: bytes, as: UTF8.self) }
      var out: [UInt8] = []
      if let prefix {
        out.append(contentsOf: prefix)
        out.append(UInt8(ascii: "="))
      }
      Template.scan(bytes) { piece in
        switch piece {
        case .plain(let range): out.append(contentsOf: bytes[range])
        case .reference(let range):
          guard let parameter = context.find(Bytes(rebasing: bytes[range])) else {
            preconditionFailure("a template names a parameter that the check did not find")
          }
          value(of: parameter).withBytes(in: contextText) { value in
            if isScript { ShellText.quote(value, into: &out) } else { out.append(contentsOf: value) }
          }
        }
      }
      return String(decoding: out, as: UTF8.self)
    }
  }
}

extension JobContext {
  /// The job of one task. `own` is the task's template in `ownText`.
  func job(_ own: JobTemplate, in ownText: Bytes, axes: ArraySlice<Int32>, ordinal: Int) -> Job {
    text.withUnsafeBufferPointer { shared in
      let put = Substitution(context: self, contextText: shared, axes: axes, ordinal: ordinal)
      var command: [String] = []
      var environment: [String] = []
      var workingDirectory: String?
      var stdin: Job.World.Input?
      strings(of: own, in: ownText, defaults: shared) { string in
        switch string.role {
        case .argument: command.append(put.string(string.span, in: string.text, isScript: false))
        case .script:
          command = ["/bin/sh", "-c", put.string(string.span, in: string.text, isScript: true)]
        case .directory: workingDirectory = put.string(string.span, in: string.text, isScript: false)
        case .input: stdin = .text(put.string(string.span, in: string.text, isScript: false))
        case .inputFile: stdin = .file(put.string(string.span, in: string.text, isScript: false))
        case .variable(let variable, _):
          if variable.value == nil {
            environment.append(put.string(string.span, in: string.text, isScript: false))
          } else {
            variable.name.withBytes(in: string.text) { name in
              environment.append(put.string(string.span, in: string.text, prefix: name, isScript: false))
            }
          }
        }
      }
      return Job(
        command: command, environment: environment, workingDirectory: workingDirectory,
        needs: needs(milliCores: own.milliCores ?? 0, memoryMB: own.memoryMB ?? 0),
        isMemoryStated: (own.memoryMB ?? defaults?.memoryMB) != nil,
        timeoutSeconds: own.timeoutSeconds ?? defaults?.timeoutSeconds ?? 0,
        killGraceSeconds: own.killGraceSeconds ?? defaults?.killGraceSeconds,
        world: Job.World(
          stdin: stdin, umask: own.umask ?? defaults?.umask, openFiles: own.openFiles ?? defaults?.openFiles,
          isPinned: own.isPinned ?? defaults?.isPinned ?? false))
    }
  }

  /// What a task needs where it says these amounts, 0 standing for nothing said.
  func needs(milliCores: Int64, memoryMB: Int64) -> ResourceVector {
    ResourceVector(
      milliCores: milliCores > 0 ? milliCores : defaultNeeds.milliCores,
      memoryMB: memoryMB > 0 ? memoryMB : defaultNeeds.memoryMB)
  }
}
