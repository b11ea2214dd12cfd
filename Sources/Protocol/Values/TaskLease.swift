/// How long an attempt may run on while its agent and the coordinator do not hear of each other: the
/// coordinator's own length, or what its task says (`leaseSeconds`).
public struct TaskLease: Hashable, Sendable {
  /// At least 10, as a shorter one would end for a lost packet; at most a week.
  public static let range: ClosedRange<Int32> = 10...7 * 24 * 3600

  /// -1: the coordinator's; 0: it never ends.
  private let value: Int32
  private init(_ value: Int32) { self.value = value }

  /// The coordinator's.
  public static let standard = TaskLease(-1)
  /// It does not end: only a person has the task run elsewhere.
  public static let endless = TaskLease(0)

  /// As `leaseSeconds` is written: 0, or in `range`. nil: anything else.
  public init?(seconds: Int32) {
    guard seconds == 0 || Self.range.contains(seconds) else { return nil }
    value = seconds
  }

  /// As it is written; nil: not said.
  public var seconds: Int32? { self == .standard ? nil : value }
  /// The length of its own that ends; nil: the coordinator's, or none.
  public var length: Period? { value > 0 ? .seconds(Int64(value)) : nil }
}
