/// Amounts of what a task needs or an agent has: lane 0 is thousandths of a core, lane 1 is MB of
/// memory, the others are further countable resources, unused as yet.
public struct ResourceVector: Hashable, Sendable {
  public var lanes: SIMD8<Int64>

  public init(lanes: SIMD8<Int64>) { self.lanes = lanes }
  public init(milliCores: Int64, memoryMB: Int64) {
    lanes = SIMD8(milliCores, memoryMB, 0, 0, 0, 0, 0, 0)
  }
  public static let zero = ResourceVector(lanes: .zero)

  public var milliCores: Int64 { lanes[0] }
  public var memoryMB: Int64 { lanes[1] }

  public func fits(in room: ResourceVector) -> Bool { all(lanes .<= room.lanes) }
  public static func += (a: inout ResourceVector, b: ResourceVector) { a.lanes &+= b.lanes }
  public static func -= (a: inout ResourceVector, b: ResourceVector) { a.lanes &-= b.lanes }
}
