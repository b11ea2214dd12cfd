import Protocol
import System

/// The task groups of this start: one for each attempt that runs, used again and again, since making one costs as much
/// as the process in it.
final class TaskGroups {
  /// A limit below this would end what has hardly begun: the program itself takes as much.
  static let leastLimitMB: Int64 = 16

  private let places: GroupPlaces
  private var free: [TaskGroup] = []
  /// Made so far.
  private(set) var count = 0
  private var isBroken = false

  init(_ places: GroupPlaces) { self.places = places }

  /// A group that nobody is in, for one attempt; nil: this host has none for us. It is limited where it counts
  /// memory: see `TaskGroup.memory`.
  func take(limitMB: Int64?) -> TaskGroup? {
    guard !isBroken, places.tracking != nil else { return nil }
    let limit = Self.limitBytes(limitMB)
    while let used = free.popLast() {
      // One that cannot be limited anew, or has no room, holds what earlier attempts left in /dev/shm.
      if (try? used.begin(limit: limit)) != nil, used.memory?.isFull != true { return used }
      used.remove()
    }
    do throws(SystemError) {
      let group = try make()
      try group.begin(limit: limit)
      return group
    } catch {
      return giveUp(error.message)
    }
  }

  private func make() throws(SystemError) -> TaskGroup {
    count += 1
    return try open(count)
  }

  private func open(_ number: Int) throws(SystemError) -> TaskGroup {
    try TaskGroup(
      number: number, folder: "\(places.tracking!)/\(number)", isUnified: places.isUnified,
      memory: places.memory.map { "\($0)/\(number)" })
  }

  // MARK: From an earlier program of this start

  /// It made so many.
  func takeOver(count: Int) { self.count = count }

  /// An attempt is in that one.
  func takeOver(number: Int, limitMB: Int64?, kills: Int64) -> TaskGroup? {
    guard places.tracking != nil else { return nil }
    do throws(SystemError) {
      let group = try open(number)
      group.takeOver(limit: Self.limitBytes(limitMB), kills: kills)
      return group
    } catch {
      return giveUp(error.message)
    }
  }

  private static func limitBytes(_ limitMB: Int64?) -> Int64? { limitMB.map { max($0, leastLimitMB) << 20 } }

  /// Nobody is in it any more.
  func giveBack(_ group: TaskGroup) {
    if isBroken || group.wasKilled { group.remove() } else { free.append(group) }
  }

  /// Somebody took them away, or does not let us: attempts go on without. Said once.
  @discardableResult
  func giveUp(_ why: String) -> TaskGroup? {
    if !isBroken { Say.line("tasks run without control groups from now on: \(why)") }
    isBroken = true
    return nil
  }
}
