import Protocol
import Scheduling
import System

/// Watches the room on the data directory's file system.
///
/// ```
/// roomy → low     less than the reserve is free, or a write was refused: nothing is accepted or started any more, what
///                 runs goes on and its results land, in the room that is left and in the ballast's, which is given up
/// low   → roomy   reserve, margin and ballast fit again and no write is refused: the ballast is made anew
/// ```
/// The journal says either once. Any thread may ask; a thread of its own ("disk") looks from time to time, so
/// that nobody has to do anything but free some space.
final class DiskWatch: Sendable {
  private struct State {
    var isLow = false
    var ballast: Int64
    /// Writers whose last write was refused, and who try it again.
    var refused = 0
    var isStopping = false
    var onChange: (@Sendable (_ isLow: Bool) -> Void)?
  }

  let limits: DiskLimits
  private let path: String
  private let ballast: Ballast
  private let free: @Sendable () -> Int64?
  private let state: Monitor<State>
  private let thread = Monitor<Thread?>(nil)

  /// - Parameters:
  ///   - ballastBytes: 0: there is none.
  ///   - free: bytes that may still be written; nil: nobody knows. Other than the file system's in tests.
  init(
    _ directory: DataDirectory, ballastBytes: Int64 = 0, limits: DiskLimits = DiskLimits(),
    free: (@Sendable () -> Int64?)? = nil
  ) {
    self.limits = limits
    path = directory.path
    ballast = Ballast(path: directory.file("ballast"), bytes: ballastBytes)
    state = Monitor(State(ballast: ballast.found))
    self.free = free ?? { directory.freeBytes() }
    state.with { state in
      // Of another size than is wanted now: its room counts as free, and goes to the new one.
      if state.ballast != ballast.bytes {
        try? ballast.giveUp()
        state.ballast = ballast.found
      }
      look(&state)
      if !state.isLow { _ = make(&state) }
    }
  }

  /// Tells `onChange` whenever the condition begins or ends, in order; it must be short. Begins the thread.
  func begin(_ onChange: @escaping @Sendable (_ isLow: Bool) -> Void) {
    state.with { state in
      state.onChange = onChange
      if state.isLow { onChange(true) }
    }
    let made = Thread(name: "disk") { [self] in
      while !pause() { look() }
    }
    thread.with { $0 = made }
  }

  /// The more is free, the longer it lasts; it ends where others find that the disk is full. Answers whether it is over.
  private func pause() -> Bool {
    let wasLow = isLow
    let spare = wasLow ? 0 : max(0, (free() ?? 0) - limits.reserveBytes)
    let lasting = min(.seconds(spare / DiskLimits.fastestFilling), DiskLimits.longestInterval)
    return state.wait(
      upTo: max(limits.interval, lasting), until: { $0.isStopping || $0.isLow != wasLow }, \.isStopping)
  }

  func stop() {
    state.signal { $0.isStopping = true }
    thread.join()
  }

  var isLow: Bool { state.with { $0.isLow } }

  /// Looks now.
  func look() { state.with { look(&$0) } }

  /// nil: there is room for a document of so many bytes, and for the results of what was accepted before.
  func refusal(forDocument bytes: Int = 0) -> Refusal? {
    changing { state in
      look(&state)
      guard let free = free() else { return nil }
      let missing = ballast.bytes - state.ballast
      if state.refused > 0, free >= limits.reserveBytes { return refusalOfWrites(free: free) }
      if state.isLow {
        return refusal(free: free, needed: limits.reserveBytes + limits.marginBytes + missing)
      }
      let needed = limits.reserveBytes + missing + limits.bytesPerDocumentByte * Int64(bytes)
      return free < needed ? refusal(free: free, needed: needed) : nil
    }
  }

  private func refusal(free: Int64, needed: Int64) -> Refusal {
    Refusal(
      .diskFull,
      "the coordinator's disk is full: \(path) has \(free >> 20) MiB free, and \(needed >> 20) MiB are wanted, so "
        + "that the results of what runs find a place; free some space there, then submit again: it needs no restart"
    )
  }

  private func refusalOfWrites(free: Int64) -> Refusal {
    Refusal(
      .diskFull,
      "the coordinator's disk takes nothing, although it shows \(free >> 20) MiB free at \(path), maybe for a "
        + "quota: free some space there, then submit again: it needs no restart")
  }

  // MARK: Writers

  /// A write was refused for want of room, and will be tried again until `writeWasTaken`.
  func writeWasRefused() {
    changing { state in
      state.refused += 1
      giveUp(&state)
      if !state.isLow { turn(true, &state) }
    }
  }

  func writeWasTaken() { state.with { $0.refused -= 1 } }

  // MARK: Looking

  /// Wakes the thread where the condition changes.
  private func changing<Result>(_ body: (inout State) -> Result) -> Result {
    let (result, hasTurned) = state.with { state in
      let wasLow = state.isLow
      return (body(&state), state.isLow != wasLow)
    }
    if hasTurned { state.signal { _ in } }
    return result
  }

  private func look(_ state: inout State) {
    guard let free = free() else { return }
    if free < limits.ballastFloorBytes { giveUp(&state) }
    let spare = free - (ballast.bytes - state.ballast)
    if !state.isLow {
      if spare < limits.reserveBytes { turn(true, &state) }
    } else if spare >= limits.reserveBytes + limits.marginBytes, state.refused == 0 {
      if make(&state) { turn(false, &state) }
    }
  }

  private func turn(_ isLow: Bool, _ state: inout State) {
    state.isLow = isLow
    let room = free().map { "\($0 >> 20) MiB free" } ?? "little free"
    if isLow {
      let wanted = limits.reserveBytes + limits.marginBytes + ballast.bytes - state.ballast
      Journal.say(
        "the disk of \(path) is full (\(room)): nothing is accepted or started, what runs goes on; free some space "
          + "(\(wanted >> 20) MiB are wanted), it needs no restart")
    } else {
      Journal.say("the disk of \(path) has room again (\(room)): runs are accepted, and tasks started")
    }
    ServiceManager.notify("STATUS=\(isLow ? "The disk is full: nothing is accepted or started." : "")")
    state.onChange?(isLow)
  }

  /// Whether there is room enough for it: where it cannot be made for another reason, it goes without.
  private func make(_ state: inout State) -> Bool {
    if state.ballast == ballast.bytes { return true }
    do throws(SystemError) {
      try ballast.make()
      state.ballast = ballast.bytes
      return true
    } catch {
      state.ballast = ballast.found
      if error.code == .noSpace { return false }
      Journal.say("\(error.message): there is none, which is worth an extra look at the free space")
      return true
    }
  }

  private func giveUp(_ state: inout State) {
    if state.ballast == 0 { return }
    do throws(SystemError) {
      try ballast.giveUp()
      if ballast.bytes > 0 {
        Journal.say("\(ballast.path) is given up: \(state.ballast >> 20) MiB for results")
      }
    } catch {
      Journal.say(error.message)
    }
    state.ballast = ballast.found
  }
}
