import Protocol
import Scheduling

/// How fast and how large things are in one world: drawn once, so that worlds differ.
struct Tempo {
  var settings = SchedulerSettings()
  var heartbeat = Period.seconds(2)
  /// Mean delay of the network.
  var latency = TrueTime.millisecond
  /// Of 100 tasks, so many run for milliseconds only.
  var shortTasks = 50
  /// Little room and large families: so work waits at agents beside their slots.
  var isCrowded = false

  init(_ random: inout SeededRandom) {
    // The least that is allowed, or little more: so leases end often.
    settings.lease = .seconds([10, 10, 12, 15, 20][random.below(5)])
    heartbeat = Period(nanoseconds: settings.lease.nanoseconds / [3, 3, 5][random.below(3)])
    settings.maxLost = random.chance(percent: 70) ? 5 : Int32(random.below(3))
    latency = [200 * TrueTime.microsecond, TrueTime.millisecond, 20 * TrueTime.millisecond][random.below(3)]
    shortTasks = [20, 50, 90][random.below(3)]
    isCrowded = random.chance(percent: 35)
  }

  /// One agent has room for whatever a task may need.
  func capacity(isFirst: Bool, _ random: inout SeededRandom) -> ResourceVector {
    let least = isFirst ? SeededRandom.mostCores : 1
    let cores = isCrowded ? least : least + random.below(isFirst ? 3 : 4)
    return ResourceVector(milliCores: cores * 1000, memoryMB: random.from(40, to: 100))
  }

  func duration(_ random: inout SeededRandom) -> Int64 {
    if random.chance(percent: shortTasks) {
      return random.from(100 * TrueTime.microsecond, to: 30 * TrueTime.millisecond)
    }
    if random.chance(percent: 85) { return random.from(30 * TrueTime.millisecond, to: 3 * TrueTime.second) }
    return random.from(TrueTime.second, to: 2 * settings.lease.nanoseconds)
  }

  /// Of a commit with its sync.
  func commit(_ random: inout SeededRandom, isSlow: Bool) -> Int64 {
    let usual: Int64
    switch random.below(100) {
    case 0...79: usual = random.from(300 * TrueTime.microsecond, to: 3 * TrueTime.millisecond)
    case 80...97: usual = random.from(3 * TrueTime.millisecond, to: 20 * TrueTime.millisecond)
    default: usual = random.from(20 * TrueTime.millisecond, to: 400 * TrueTime.millisecond)
    }
    return isSlow ? 40 * usual : usual
  }
}
