/// How far a document may expand. Counted before anything is built.
public struct ExpansionLimits: Hashable, Sendable {
  /// Tasks of one family.
  public var familyTasks: Int
  /// Tasks of a run, what generators add included.
  public var runTasks: Int
  /// Edges that a generator's output adds: from and to the generator, its children, and inside.
  public var addedEdges: Int

  public init(familyTasks: Int = 1_000_000, runTasks: Int = 2_000_000, addedEdges: Int = 4_000_000) {
    self.familyTasks = familyTasks
    self.runTasks = min(runTasks, Self.mostTasks)
    self.addedEdges = addedEdges
  }

  public static let standard = ExpansionLimits()
  /// Task indices are 32 bits wide, and what is dropped keeps its indices.
  static let mostTasks = 1_000_000_000
  static let none = ExpansionLimits(familyTasks: mostTasks, runTasks: mostTasks, addedEdges: mostTasks)
}
