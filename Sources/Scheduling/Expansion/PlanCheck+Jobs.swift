import Protocol

/// Templates, what they expand to, and whether Linux would take the result.
extension PlanCheck {
  func lookAtJobs(_ text: Bytes, _ shared: Bytes) {
    var everyLook = false
    if let defaults = context.defaults {
      let size = lengthInText(defaults, shared)
      everyLook = defaults.hasBraces || size > JobSize.certain
      if everyLook, joined == nil { lookAtDefaults(defaults, shared) }
    }
    for family in document.tasks.indices {
      let task = document.tasks[family]
      var isUncertain = task.flags.contains(.isBroken)
      var count = 1
      if !isUncertain, !task.flags.contains(.hasCommand), context.defaults?.saysCommand != true {
        faults.add(
          "the task has no command", at: Int(task.job == 0 ? task.offset : task.job),
          path: path(family, text) + (task.job == 0 ? "" : "/job"),
          hint: "give its job a command or a commandString")
      }
      if !isUncertain, isPinned(task), needs(of: task).milliCores % 1000 != 0 { sayNotWhole(family, text) }
      if !isUncertain, everyLook || task.flags.contains(.needsLook) {
        count = look(family, text, shared, &isUncertain)
      }
      counts.append(count)
      axisStarts.append(Int32(axes.count))
      self.isUncertain.append(isUncertain)
    }
  }

  private func isPinned(_ task: TaskRecord) -> Bool {
    task.flags.contains(.saysPin) ? task.flags.contains(.isPinned) : context.defaults?.isPinned == true
  }

  private func needs(of task: TaskRecord) -> ResourceVector {
    context.needs(milliCores: task.milliCores, memoryMB: task.memoryMB)
  }

  /// What both come of jobDefaults is said once, there.
  private func sayNotWhole(_ family: Int, _ text: Bytes) {
    let task = document.tasks[family]
    let isOfDefaults = !task.flags.contains(.saysPin) && task.milliCores == 0
    if isOfDefaults, joined != nil || saidDefaultsNotWhole { return }
    saidDefaultsNotWhole = saidDefaultsNotWhole || isOfDefaults
    faults.add(
      "a pinned job takes whole cores, not \(needs(of: task).coresText)",
      at: isOfDefaults
        ? context.defaults?.offset ?? 0 : Int(task.job == 0 ? task.offset : task.job),
      path: isOfDefaults ? "/jobDefaults" : path(family, text) + (task.job == 0 ? "" : "/job"),
      hint: "give it cores of 1, 2, …, or leave out pin")
  }

  /// Only jobs of the context's own document are asked for: one object of the text.
  private func lengthInText(_ job: JobTemplate, _ text: Bytes) -> Int {
    var reader = JSONReader(text, from: job.offset)
    do throws(JSONFault) { try reader.skip() } catch { return Int.max }
    return reader.offset - job.offset
  }

  private func lookAtDefaults(_ defaults: JobTemplate, _ shared: Bytes) {
    context.strings(of: defaults, in: shared, defaults: shared) { string in
      if string.isOwn { _ = references(string, at: { "/jobDefaults" }, isSaid: true) }
    }
  }

  /// One family's templates: its axes are appended, its count answered.
  private func look(
    _ family: Int, _ text: Bytes, _ shared: Bytes, _ isUncertain: inout Bool
  ) -> Int {
    let own = RunPlan.template(at: document.tasks[family].job, in: text)
    var lists: [Int32] = []
    var total = 0
    var isBroken = false
    func jobPath() -> String { path(family, text) + "/job" }
    context.strings(of: own, in: text, defaults: shared) { string in
      let found = references(string, at: jobPath, isSaid: string.isOwn)
      if !string.isInput { total = min(total + found.size + 1, Int.max / 2) }
      isBroken = isBroken || found.isBroken
      for parameter in found.lists where !lists.contains(parameter) { lists.append(parameter) }
    }
    if !isBroken, !isTrusted, total > JobSize.totalLimit {
      faults.add(
        "the command and the environment come to \(total) bytes; Linux starts a program with \(JobSize.totalLimit) at most here",
        at: Int(document.tasks[family].job), path: jobPath(), hint: "hand long data over in a file")
    }
    isUncertain = isBroken
    lists.sort()
    axes.append(contentsOf: lists)
    return lists.reduce(1) { count, axis in
      let values = context.parameters[Int(axis)].values.count
      // An empty list is a fault that was said.
      let (product, overflow) = count.multipliedReportingOverflow(by: max(values, 1))
      return overflow ? Int.max : product
    }
  }

  /// What one string names, its faults said where `isSaid`.
  private func references(
    _ string: JobString, at job: () -> String, isSaid: Bool
  ) -> (lists: [Int32], size: Int, isBroken: Bool) {
    var lists: [Int32] = []
    var size = string.prefixLength
    var isBroken = false
    var isScript = false
    if case .script = string.role { isScript = true }
    func at() -> String { job() + string.path }
    string.span.withBytes(in: string.text) { bytes in
      Template.scan(bytes) { piece in
        switch piece {
        case .plain(let range): size += range.count
        case .reference(let range):
          let name = Bytes(rebasing: bytes[range])
          guard let parameter = context.find(name) else {
            isBroken = true
            if isSaid { sayUnknown(name, string, at: at) }
            return
          }
          isUsed[parameter] = true
          let written = context.parameters[parameter]
          if written.isBroken { isBroken = true }
          if written.isList, !lists.contains(Int32(parameter)) { lists.append(Int32(parameter)) }
          if written.isList, written.values.isEmpty {
            isBroken = true
            if isSaid {
              faults.add(
                "the parameter \(context.name(parameter)) is an empty list", at: string.span.quoteOffset,
                path: at(), hint: "a task that names it would expand to nothing")
            }
          }
          let most = longestValue(parameter)
          size = min(size + (isScript ? most.quoted : most.plain), Int.max / 4)
        }
      }
      if isScript, isSaid, !isTrusted {
        for misplaced in ShellQuoting.misplaced(in: bytes) {
          isBroken = true
          faults.add(
            "{{\(misplaced.name)}} stands \(misplaced.place), where a quoted value is not one word",
            at: string.span.quoteOffset, path: at(),
            hint: "leave out the quotes, or pass it by environment and use \"$\(misplaced.name)\"")
        }
      }
    }
    if string.isInput, size > JobSize.inputLimit, isSaid, !isBroken, !isTrusted {
      faults.add(
        "this comes to \(size) bytes; a stdin that is text has \(JobSize.inputLimit) at most",
        at: string.span.quoteOffset, path: at(), hint: "hand it over in a file: {\"file\": \"path\"}")
      isBroken = true
    }
    if !string.isInput, size > JobSize.stringLimit, isSaid, !isBroken, !isTrusted {
      faults.add(
        "this comes to \(size) bytes; Linux takes \(JobSize.stringLimit) in one argument or variable",
        at: string.span.quoteOffset, path: at(), hint: "hand long data over in a file")
      isBroken = true
    }
    return (lists, size, isBroken)
  }

  private func sayUnknown(_ name: Bytes, _ string: JobString, at path: () -> String) {
    let shown = String(decoding: name, as: UTF8.self)
    let near = NearestName.of(shown, among: context.parameters.indices.prefix(1000).lazy.map(context.name))
    faults.add(
      "there is no parameter \(shown)", at: string.span.quoteOffset, path: path(),
      hint: near.map { "did you mean {{\($0)}}?" }
        ?? "name it under parameters, or write \\{{ for plain braces")
  }

  private func longestValue(_ parameter: Int) -> (plain: Int, quoted: Int) {
    if let known = longest[parameter] { return known }
    var most = (plain: 0, quoted: 0)
    context.text.withUnsafeBufferPointer { text in
      for value in context.parameters[parameter].values {
        // A short value cannot be the longest, and escapes only shorten it.
        if value.length * 4 + 2 <= most.plain { continue }
        value.withBytes(in: text) { bytes in
          most.plain = max(most.plain, bytes.count)
          most.quoted = max(most.quoted, ShellText.quotedLength(bytes))
        }
      }
    }
    longest[parameter] = most
    return most
  }
}

extension JobString {
  /// Whether it is no part of what starts the program: neither argument nor variable.
  var isInput: Bool { if case .input = role { true } else { false } }

  /// Behind the job's own JSON pointer.
  var path: String {
    switch role {
    case .argument(let index): "/command/\(index)"
    case .script: "/commandString"
    case .directory: "/workingDirectory"
    case .input: "/stdin"
    case .inputFile: "/stdin/file"
    case .variable(let variable, let index):
      variable.value == nil
        ? "/environment/\(index)" : "/environment/" + JSONPointer.token(variable.name.string(in: text))
    }
  }
}
