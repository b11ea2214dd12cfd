/// The part of a plan that the Scheduler works on: no text, no names.
public struct PlanGraph: Sendable {
  /// In document order.
  public var families: [Family]
  /// Family indices count within this graph. No edge twice.
  public var edges: [Edge]

  public init(families: [Family], edges: [Edge]) {
    self.families = families
    self.edges = edges
  }

  public var taskCount: Int { families.reduce(0) { $0 + Int($1.count) } }
}
