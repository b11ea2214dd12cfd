/// Amounts of what a task needs or an agent has: lane 0 is thousandths of a core, lane 1 is MB of
/// memory, the others are further countable resources, unused as yet.
public struct ResourceVector: Hashable, Sendable {
  /// The most of anything, in its lane's unit: 134,217 cores, 128 TB. What is summed up at one agent (what runs
  /// there, and what ended and is not known to have) stays inside a lane by far.
  public static let most: Int64 = 1 << 27

  /// Four bytes each, as every family, attempt and message has a vector of its own.
  public var lanes: SIMD8<Int32>

  public init(lanes: SIMD8<Int32>) { self.lanes = lanes }
  /// Neither is above `most`.
  public init(milliCores: Int64, memoryMB: Int64) {
    lanes = SIMD8(Int32(milliCores), Int32(memoryMB), 0, 0, 0, 0, 0, 0)
  }
  public static let zero = ResourceVector(lanes: .zero)

  public var milliCores: Int64 { Int64(lanes[0]) }
  public var memoryMB: Int64 { Int64(lanes[1]) }

  public static func == (a: ResourceVector, b: ResourceVector) -> Bool { all(a.lanes .== b.lanes) }
  public func fits(in room: ResourceVector) -> Bool { all(lanes .<= room.lanes) }
  public static func += (a: inout ResourceVector, b: ResourceVector) { a.lanes &+= b.lanes }
  public static func -= (a: inout ResourceVector, b: ResourceVector) { a.lanes &-= b.lanes }
}
