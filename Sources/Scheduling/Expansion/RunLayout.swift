public import Protocol

/// The parts of a run, the submitted document and then what generators added, over one dense task index
/// and one numbering of families. A value: readers keep the one they were given while the run grows.
///
/// What is dropped (its generator runs again) keeps its indices, unused, so that no index ever means two
/// tasks; its names are free again. Edges between parts are not stored but follow from who generated whom:
/// a generator precedes all it made, and all it made precedes what the generator itself precedes.
public struct RunLayout: Sendable {
  public struct Part: Sendable {
    public let plan: RunPlan
    public let firstFamily: Int32
    public let firstTask: Int32
    /// nil: the submitted document.
    public let generator: TaskIndex?
    /// What its generator precedes, and so each task of it.
    public let followers: [Endpoint]
    public internal(set) var isDropped: Bool

    public var families: Range<Int32> { firstFamily..<firstFamily + Int32(plan.familyCount) }
    public var tasks: Range<Int32> { firstTask..<firstTask + Int32(plan.taskCount) }
  }

  /// In order of addition; a part's number is its place here.
  public private(set) var parts: [Part]
  /// The size of the dense index, dropped tasks included.
  public private(set) var taskCount: Int
  public private(set) var familyCount: Int
  public private(set) var liveTaskCount: Int
  /// Written names of the live parts behind the first, by global family. (The first part has a table of
  /// its own, which never changes.)
  private var added = NameTable()
  /// Live parts by what made them, in order.
  private var made: [TaskIndex: [Int32]] = [:]
  /// Live parts by the family that follows them, or a task of which does.
  private var preceding: [FamilyIndex: [Int32]] = [:]

  public init(main: RunPlan) {
    parts = [
      Part(plan: main, firstFamily: 0, firstTask: 0, generator: nil, followers: [], isDropped: false)
    ]
    taskCount = main.taskCount
    familyCount = main.familyCount
    liveTaskCount = main.taskCount
  }

  // MARK: Growing

  /// What the Scheduler has to know of an addition. All indices are the run's.
  public struct PartAddition: Sendable {
    public let part: Int32
    public let firstFamily: FamilyIndex
    public let firstTask: TaskIndex
    /// The new families in order, and every edge that they have: inside, from the generator, and to what
    /// the generator precedes.
    public let graph: PlanGraph
  }

  /// Adds what a generator made. Its names are not checked again: see `clashes`.
  @discardableResult
  public mutating func add(_ plan: RunPlan, by generator: TaskIndex) -> PartAddition {
    let part = Int32(parts.count)
    let firstFamily = Int32(familyCount)
    let firstTask = TaskIndex(taskCount)
    let followers = children(of: generator)
    let source = endpoint(generator)
    var edges = plan.graph.edges.map { $0.shifted(by: firstFamily) }
    edges.reserveCapacity(edges.count + plan.familyCount * (1 + followers.count))
    for family in firstFamily..<firstFamily + Int32(plan.familyCount) {
      let new = Endpoint(family: FamilyIndex(family))
      edges.append(Edge(parent: source, child: new))
      for follower in followers { edges.append(Edge(parent: new, child: follower)) }
    }
    parts.append(
      Part(
        plan: plan, firstFamily: firstFamily, firstTask: firstTask.value, generator: generator,
        followers: followers, isDropped: false))
    familyCount += plan.familyCount
    taskCount += plan.taskCount
    liveTaskCount += plan.taskCount
    tie(part)
    for family in parts[Int(part)].families { enter(FamilyIndex(family)) }
    return PartAddition(
      part: part, firstFamily: FamilyIndex(firstFamily), firstTask: firstTask,
      graph: PlanGraph(families: plan.graph.families, edges: edges))
  }

  /// Drops what a generator made, and what that made in turn: their names are free again. Answers the
  /// parts' numbers.
  public mutating func drop(generator: TaskIndex) -> [Int32] {
    var dropped: [Int32] = []
    // What is nested comes later, so one pass finds all.
    for index in parts.indices where !parts[index].isDropped {
      guard let maker = parts[index].generator else { continue }
      let isNested = dropped.contains { parts[Int($0)].tasks.contains(maker.value) }
      if maker == generator || isNested {
        parts[index].isDropped = true
        liveTaskCount -= parts[index].plan.taskCount
        dropped.append(Int32(index))
      }
    }
    if dropped.isEmpty { return [] }
    made = [:]
    preceding = [:]
    added = NameTable()
    for index in parts.indices.dropFirst() where !parts[index].isDropped {
      tie(Int32(index))
      for family in parts[index].families { enter(FamilyIndex(family)) }
    }
    return dropped
  }

  private mutating func tie(_ part: Int32) {
    guard let generator = parts[Int(part)].generator else { return }
    made[generator, default: []].append(part)
    var last: FamilyIndex?
    for follower in parts[Int(part)].followers where follower.family != last {
      preceding[follower.family, default: []].append(part)
      last = follower.family
    }
  }

  private mutating func enter(_ family: FamilyIndex) {
    let part = parts[part(of: family)]
    part.plan.withName(family.value - part.firstFamily) { added.insert(family.value, named: $0) }
  }

  // MARK: Places

  static func part(_ parts: [Part], ofFamily family: Int32) -> Int {
    search(parts.count) { parts[$0].firstFamily <= family }
  }

  /// The last of `count` places for which `holds`, which holds for the first ones.
  private static func search(_ count: Int, _ holds: (Int) -> Bool) -> Int {
    var low = 0
    var high = count
    while low + 1 < high {
      let middle = (low + high) / 2
      if holds(middle) { low = middle } else { high = middle }
    }
    return low
  }

  func part(of family: FamilyIndex) -> Int { Self.part(parts, ofFamily: family.value) }

  /// The part that a task belongs to.
  public func part(of task: TaskIndex) -> Int {
    // An empty part shares its first task with the next: the last one that begins there holds it.
    Self.search(parts.count) { parts[$0].firstTask <= task.value }
  }

  public func locate(_ task: TaskIndex) -> (family: FamilyIndex, ordinal: Int32) {
    precondition(task.value >= 0 && Int(task.value) < taskCount, "\(task) is not in the run")
    let part = parts[part(of: task)]
    let local = task.value - part.firstTask
    let firsts = part.plan.firsts
    let family = Self.search(firsts.count - 1) { firsts[$0] <= local }
    return (FamilyIndex(part.firstFamily + Int32(family)), local - firsts[family])
  }

  /// The first task of a family.
  public func first(_ family: FamilyIndex) -> TaskIndex {
    let part = parts[part(of: family)]
    return TaskIndex(part.firstTask + part.plan.firsts[Int(family.value - part.firstFamily)])
  }

  public func family(_ family: FamilyIndex) -> Family {
    let part = parts[part(of: family)]
    return part.plan.graph.families[Int(family.value - part.firstFamily)]
  }

  /// The tasks that are not dropped, in order.
  public var liveRanges: [Range<Int32>] {
    parts.filter { !$0.isDropped && $0.plan.taskCount > 0 }.map(\.tasks)
  }
  public var liveTasks: some Sequence<TaskIndex> {
    liveRanges.lazy.flatMap { $0.lazy.map { TaskIndex($0) } }
  }

  /// The end of an edge that means this one task.
  func endpoint(_ task: TaskIndex) -> Endpoint {
    let (family, ordinal) = locate(task)
    return Endpoint(family: family, ordinal: self.family(family).count == 1 ? nil : ordinal)
  }

  public func job(_ task: TaskIndex) -> Job {
    let (family, ordinal) = locate(task)
    let part = parts[part(of: family)]
    return part.plan.job(family: family.value - part.firstFamily, ordinal: ordinal)
  }

  public func lease(_ task: TaskIndex) -> TaskLease { family(locate(task).family).lease }

  /// The written name's family, among live parts.
  func findWritten(_ name: UnsafeBufferPointer<UInt8>) -> FamilyIndex? {
    if let found = parts[0].plan.find(name) { return FamilyIndex(found) }
    return added.find(name) { number in
      let part = parts[Self.part(parts, ofFamily: number)]
      return part.plan.withName(number - part.firstFamily) { $0.elementsEqual(name) }
    }.map { FamilyIndex($0) }
  }

  // MARK: Effective edges

  /// What this task precedes, by family and ordinal: as written, what its generator precedes, and what it
  /// made. The whole of a family stands before its single tasks; nothing twice.
  public func children(of task: TaskIndex) -> [Endpoint] {
    let (family, ordinal) = locate(task)
    let part = parts[part(of: family)]
    let local = family.value - part.firstFamily
    let edges = part.plan.graph.edges
    var ends: [Endpoint] = []
    let range = part.plan.adjacency.leaving(local)
    for index in range where edges[index].parent.ordinal == nil { ends.append(edges[index].child) }
    // Sorted by ordinal, all of it first: the task's own stand together.
    var at =
      range.lowerBound
      + Self.count(range.count) { (edges[range.lowerBound + $0].parent.ordinal ?? -1) < ordinal }
    while at < range.upperBound, edges[at].parent.ordinal == ordinal {
      ends.append(edges[at].child)
      at += 1
    }
    ends = ends.map { $0.shifted(by: part.firstFamily) } + part.followers
    for index in made[task] ?? [] { append(families: Int(index), to: &ends) }
    return Self.sorted(ends)
  }

  /// What precedes this task, in the same way.
  public func parents(of task: TaskIndex) -> [Endpoint] {
    let (family, ordinal) = locate(task)
    let part = parts[part(of: family)]
    let local = family.value - part.firstFamily
    let edges = part.plan.graph.edges
    var ends: [Endpoint] = []
    let entering = part.plan.adjacency.entering(local)
    let start = entering.startIndex
    var at = start
    while at < entering.endIndex, edges[Int(entering[at])].child.ordinal == nil {
      ends.append(edges[Int(entering[at])].parent)
      at += 1
    }
    at =
      start + Self.count(entering.count) { (edges[Int(entering[start + $0])].child.ordinal ?? -1) < ordinal }
    while at < entering.endIndex, edges[Int(entering[at])].child.ordinal == ordinal {
      ends.append(edges[Int(entering[at])].parent)
      at += 1
    }
    ends = ends.map { $0.shifted(by: part.firstFamily) }
    if let generator = part.generator { ends.append(endpoint(generator)) }
    for index in preceding[family] ?? []
    where parts[Int(index)].followers.contains(where: {
      $0.family == family && ($0.ordinal == nil || $0.ordinal == ordinal)
    }) {
      append(families: Int(index), to: &ends)
    }
    return Self.sorted(ends)
  }

  private func append(families part: Int, to ends: inout [Endpoint]) {
    for family in parts[part].families { ends.append(Endpoint(family: FamilyIndex(family))) }
  }

  /// How many of the first places `holds`.
  private static func count(_ count: Int, _ holds: (Int) -> Bool) -> Int {
    if count == 0 || !holds(0) { return 0 }
    return search(count, holds) + 1
  }

  private static func sorted(_ ends: [Endpoint]) -> [Endpoint] {
    var out: [Endpoint] = []
    out.reserveCapacity(ends.count)
    for end in ends.sorted(by: <) where out.last != end {
      // A single task of a family that is there as a whole adds nothing.
      if let last = out.last, last.family == end.family, last.ordinal == nil { continue }
      out.append(end)
    }
    return out
  }
}

extension Endpoint: Comparable {
  /// By family, all of it first, then by ordinal.
  public static func < (a: Endpoint, b: Endpoint) -> Bool {
    (a.family.value, a.ordinal ?? -1) < (b.family.value, b.ordinal ?? -1)
  }

  func shifted(by first: Int32) -> Endpoint {
    Endpoint(family: FamilyIndex(family.value + first), ordinal: ordinal)
  }
}

extension Edge {
  func shifted(by first: Int32) -> Edge {
    Edge(parent: parent.shifted(by: first), child: child.shifted(by: first))
  }
}
