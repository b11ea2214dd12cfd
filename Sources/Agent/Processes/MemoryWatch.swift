import Protocol
import System
import Transport

/// Looks now and then at what attempts take of memory: for their peaks, and for the limits that the kernel does not
/// keep since the host has no control groups for it.
///
/// What is over before the first look is told by the kernel's own accounts; so short tasks cost nothing here.
final class MemoryWatch {
  /// Between two looks at an attempt's peak, and at an attempt with a limit that is kept here.
  private static let pace = Period.seconds(1)
  private static let limitPace = Period.milliseconds(100)

  private let loop: EventLoop
  private var timer: TimerID?
  private var watched: [Fence: (process: RunningProcess, limitKB: Int64?)] = [:]
  private var limited = 0

  /// More than once where it goes on growing.
  var onExceeded: ((Fence) -> Void)?

  init(on loop: EventLoop) { self.loop = loop }

  /// `limitMB`: a limit that is to be kept here.
  func watch(_ process: RunningProcess, limitMB: Int64?) {
    watched[process.fence] = (process, limitMB.map { max($0, TaskGroups.leastLimitMB) << 10 })
    if limitMB != nil { limited += 1 }
    if limitMB != nil && limited == 1, let timer {
      // The next look may be too far away.
      loop.cancel(timer)
      self.timer = nil
    }
    expectLook()
  }

  func forget(_ process: RunningProcess) {
    if watched.removeValue(forKey: process.fence)?.limitKB != nil { limited -= 1 }
  }

  private func expectLook() {
    if timer != nil || watched.isEmpty { return }
    timer = loop.schedule(at: .now() + (limited > 0 ? Self.limitPace : Self.pace)) { [weak self] in
      self?.timer = nil
      self?.look()
    }
  }

  private func look() {
    var exceeded: [Fence] = []
    // What has not executed its program shows this process's memory.
    for (process, limitKB) in watched.values where process.end == nil && process.birth?.isOver != false {
      let pids = process.pids
      let resident = ProcessMemory.residentKB(pids)
      process.seenPeakKB = max(process.seenPeakKB, resident)
      guard let limitKB, resident > limitKB else { continue }
      // Pages that forks share count several times above.
      let exact = ProcessMemory.proportionalKB(pids)
      if exact == 0 || exact > limitKB { exceeded.append(process.fence) }
    }
    expectLook()
    for fence in exceeded.sorted() { onExceeded?(fence) }
  }
}
