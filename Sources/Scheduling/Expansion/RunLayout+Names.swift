public import Protocol

/// Names of tasks and families, both ways.
extension RunLayout {
  public enum Found: Hashable, Sendable {
    case task(TaskIndex)
    /// The name of a family whose tasks are `name_0 …`.
    case family(FamilyIndex)
  }

  public func familyName(_ family: FamilyIndex) -> String {
    let part = parts[part(of: family)]
    return part.plan.familyName(family.value - part.firstFamily)
  }

  public func taskName(_ task: TaskIndex) -> String {
    let (family, ordinal) = locate(task)
    let name = familyName(family)
    return self.family(family).isExpanded ? "\(name)_\(ordinal)" : name
  }

  /// What a name means in the run as it is now; dropped tasks have none.
  public func find(name: String) -> Found? {
    var name = name
    return name.withUTF8 { find($0) }
  }

  public func find(_ name: UnsafeBufferPointer<UInt8>) -> Found? {
    if let written = findWritten(name) {
      return family(written).isExpanded ? .family(written) : .task(first(written))
    }
    guard let (stem, ordinal) = TaskName.split(name), let written = findWritten(stem) else { return nil }
    let family = family(written)
    guard family.isExpanded, ordinal < Int(family.count) else { return nil }
    return .task(TaskIndex(first(written).value + Int32(ordinal)))
  }

  /// The name that a new family would share with a live one: its own, or one that either expands to.
  /// `count`: its tasks, nil where it does not expand.
  func clash(_ name: UnsafeBufferPointer<UInt8>, count: Int?) -> String? {
    if find(name) != nil { return String(decoding: name, as: UTF8.self) }
    guard let count else { return nil }
    // Written names `name_3`: either each of the new ones is looked up or each written one is taken apart.
    if count <= familyCount {
      var full = Array(name) + [UInt8(ascii: "_")]
      for ordinal in 0..<count {
        full.append(contentsOf: String(ordinal).utf8)
        if full.withUnsafeBufferPointer({ findWritten($0) }) != nil {
          return String(decoding: full, as: UTF8.self)
        }
        full.removeSubrange((name.count + 1)...)
      }
      return nil
    }
    for part in parts where !part.isDropped {
      for local in 0..<Int32(part.plan.familyCount) {
        let isOne = part.plan.withName(local) { written in
          guard let (stem, ordinal) = TaskName.split(written) else { return false }
          return ordinal < count && stem.elementsEqual(name)
        }
        if isOne { return part.plan.familyName(local) }
      }
    }
    return nil
  }

  /// The names of a checked plan that have come into the run since: ask just before `add` where another
  /// generator's output may have been added after the check.
  public func clashes(_ plan: RunPlan) -> [Fault] {
    var faults = FaultList()
    for local in 0..<Int32(plan.familyCount) {
      let family = plan.graph.families[Int(local)]
      plan.withName(local) { name in
        guard let clash = clash(name, count: family.isExpanded ? Int(family.count) : nil) else { return }
        faults.add(
          "the run has \"\(clash)\" already", at: plan.nameOffset(local),
          path: "/" + JSONPointer.token(String(decoding: name, as: UTF8.self)),
          hint: "generated names must be new in the run")
      }
    }
    return plan.document.withUnsafeBufferPointer { faults.placed(in: $0) }
  }
}
