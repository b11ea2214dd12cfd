public import Protocol

/// A family's place among its run's families, over all parts.
public struct FamilyIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: Int32
  public init(_ value: Int32) { self.value = value }
  public init(_ value: Int) { self.value = Int32(value) }
  public static func < (a: FamilyIndex, b: FamilyIndex) -> Bool { a.value < b.value }
  public var description: String { "family \(value)" }
}

/// What scheduling needs of a task that is written once and expanded `count` times. Names and jobs stay in
/// the document's text and are made when they are dispatched or shown (`RunPlan`).
public struct Family: Sendable {
  /// Tasks; at least 1.
  public var count: Int32
  /// Whether its tasks are `name_0 …` (also where there is one) or just `name`.
  public var isExpanded: Bool
  public var isGenerator: Bool
  public var maxRetries: Int32
  public var retryIntervalSeconds: Int32
  /// nil: the coordinator's.
  public var maxLost: Int32?
  public var lease: TaskLease
  public var needs: ResourceVector

  public init(
    count: Int32, isExpanded: Bool, isGenerator: Bool, maxRetries: Int32, retryIntervalSeconds: Int32,
    maxLost: Int32? = nil, lease: TaskLease = .standard, needs: ResourceVector
  ) {
    self.count = count
    self.isExpanded = isExpanded
    self.isGenerator = isGenerator
    self.maxRetries = maxRetries
    self.retryIntervalSeconds = retryIntervalSeconds
    self.maxLost = maxLost
    self.lease = lease
    self.needs = needs
  }
}

/// One end of an edge: all of a family, or one task of it.
public struct Endpoint: Hashable, Sendable {
  public var family: FamilyIndex
  /// nil: all of it.
  public var ordinal: Int32?
  public init(family: FamilyIndex, ordinal: Int32? = nil) {
    self.family = family
    self.ordinal = ordinal
  }
}

/// `parent` is complete before `child` starts. Between families: all to all, one barrier.
public struct Edge: Hashable, Sendable {
  public var parent: Endpoint
  public var child: Endpoint
  public init(parent: Endpoint, child: Endpoint) {
    self.parent = parent
    self.child = child
  }
}
