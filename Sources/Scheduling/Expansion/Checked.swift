public import Protocol

/// What became of a text that should be a DAG.
public enum Checked: Sendable {
  /// It holds; what is odd all the same is in `plan.warnings`.
  case plan(RunPlan)
  /// All faults found (up to `FaultList.limit`), in the text's order.
  case faults([Fault], warnings: [Fault])
  /// No JSON object that is taken here: 400 on submit and on validate.
  case notADocument(Fault)
  /// It would expand beyond a limit, and has no other fault: 422.
  case tooLarge(TooLarge)
}

/// An expansion beyond a limit.
public struct TooLarge: Hashable, Sendable {
  /// Says the count and the limit.
  public var fault: Fault
  /// Tasks, or edges; `Int.max` where it is more.
  public var count: Int
  public var limit: Int
}
