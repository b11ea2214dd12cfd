import Protocol

/// What `parents` and `children` name, and whether any task waits for itself.
extension PlanCheck {
  typealias Arc = CycleSearch.Arc

  /// Names of a cycle that are said; a longer one is cut in its middle.
  private static let shownCycle = 20

  /// The edges, sorted, none twice.
  func resolveEdges(_ text: Bytes) -> [Arc] {
    var arcs: [Arc] = []
    arcs.reserveCapacity(document.links.count)
    for family in document.tasks.indices {
      let task = document.tasks[family]
      let whole = Node(family: Int32(family), ordinal: nil)
      for (index, link) in task.parents.enumerated() {
        guard let parent = resolve(document.links[link], of: family, "parents", index, text) else { continue }
        arcs.append(Arc(parent: parent, child: whole))
      }
      for (index, link) in task.children.enumerated() {
        guard let child = resolve(document.links[link], of: family, "children", index, text) else { continue }
        arcs.append(Arc(parent: whole, child: child))
      }
    }
    if !zip(arcs, arcs.dropFirst()).allSatisfy({ $0 < $1 }) {
      arcs.sort()
      var kept = 0
      for index in arcs.indices where kept == 0 || arcs[index] != arcs[kept - 1] {
        arcs[kept] = arcs[index]
        kept += 1
      }
      arcs.removeSubrange(kept...)
    }
    limitAdded(arcs.count)
    return arcs
  }

  /// A generator's output is tied to the generator and to each of its children.
  private func limitAdded(_ inner: Int) {
    guard joined != nil, tooLarge == nil else { return }
    let (implicit, overflow) = document.tasks.count.multipliedReportingOverflow(
      by: 1 + generatorChildren)
    let count = overflow ? Int.max : implicit + inner
    if count > limits.addedEdges {
      refuse(
        "the output would add \(count) edges, its tasks to each child of the generator; \(limits.addedEdges) is the limit",
        count: count, limit: limits.addedEdges, at: 0, path: "")
      tooLarge?.fault.hint = "let tasks that are alike be one that parameters expand"
    }
  }

  private func resolve(
    _ link: TextSpan, of family: Int, _ member: String, _ index: Int, _ text: Bytes
  ) -> Node? {
    func at() -> String { path(family, text) + "/\(member)/\(index)" }
    return link.withBytes(in: text) { name -> Node? in
      if let other = find(name, text) {
        if other != family { return Node(family: Int32(other), ordinal: nil) }
        faults.add("the task names itself", at: link.quoteOffset, path: at())
        return nil
      }
      guard let (stem, ordinal) = TaskName.split(name), let other = find(stem, text) else {
        sayUnknown(name, at: link.quoteOffset, path: at, text)
        return nil
      }
      if isUncertain[other] { return nil }
      guard isExpanded(other) else {
        let stem = self.name(other, text)
        faults.add(
          "there is no task \"\(Self.shown(name))\": \"\(stem)\" names no list parameter and is one task",
          at: link.quoteOffset, path: at(), hint: "did you mean \"\(stem)\"?")
        return nil
      }
      guard ordinal < counts[other] else {
        let stem = self.name(other, text)
        faults.add(
          "there is no task \"\(Self.shown(name))\": \"\(stem)\" has \(range(stem, counts[other]))",
          at: link.quoteOffset, path: at(), hint: "\(stem) alone means all of them")
        return nil
      }
      if other == family {
        faults.add(
          "the task names one of its own, and so itself", at: link.quoteOffset, path: at())
        return nil
      }
      // Ordinals beyond 32 bits only occur where the expansion is refused anyway.
      guard let ordinal = Int32(exactly: ordinal) else { return nil }
      return Node(family: Int32(other), ordinal: counts[other] == 1 ? nil : ordinal)
    }
  }

  private func range(_ stem: String, _ count: Int) -> String {
    count == 1 ? "only \(stem)_0" : "\(stem)_0 to \(stem)_\(count - 1)"
  }

  private static func shown(_ name: Bytes) -> String {
    let most = 60
    return String(decoding: name.prefix(most), as: UTF8.self) + (name.count > most ? "…" : "")
  }

  private func sayUnknown(_ name: Bytes, at offset: Int, path: () -> String, _ text: Bytes) {
    if faults.isFull { return faults.add("", at: offset, path: "") }
    if let joined, joined.find(name) != nil {
      return faults.add(
        "\"\(Self.shown(name))\" is a task of the run, not of this output", at: offset, path: path(),
        hint: "what a generator prints names only tasks of the same output")
    }
    var search = NearestName(Self.shown(name))
    let compared = document.tasks.prefix(faults.comparisonsLeft)
    faults.comparisonsLeft -= compared.count
    for task in compared { task.name.withBytes(in: text) { search.offer($0) } }
    faults.add(
      "there is no task \"\(Self.shown(name))\"", at: offset, path: path(),
      hint: search.found.map { "did you mean \"\($0)\"?" })
  }

  func findCycles(_ arcs: [Arc], _ text: Bytes) {
    let search = CycleSearch(familyCount: document.tasks.count, arcs: arcs)
    for cycle in search.cycles(limit: FaultList.limit) {
      guard let first = cycle.first else { continue }
      func name(_ node: Node) -> String {
        let family = self.name(Int(node.family), text)
        return node.ordinal.map { "\(family)_\($0)" } ?? family
      }
      var names = cycle.map(name)
      if names.count > Self.shownCycle {
        let half = Self.shownCycle / 2
        names = names[..<half] + ["(\(names.count - 2 * half) more)"] + names[(names.count - half)...]
      }
      names.append(name(first))
      faults.add(
        "these tasks wait for each other: \(names.joined(separator: " → "))",
        at: document.tasks[Int(first.family)].name.quoteOffset, path: path(Int(first.family), text))
    }
  }
}
