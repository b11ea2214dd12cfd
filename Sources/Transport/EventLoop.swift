import CSystem
import Glibc
public import Protocol
import Synchronization
public import System

/// Hears what a watched descriptor is ready for. One object may watch several descriptors, so that an
/// attempt or a connection costs one allocation and none a wake-up.
public protocol EventHandler: AnyObject {
  /// On the loop's thread. `readiness` may hold more than was asked for: an error or hang-up counts as
  /// readable and writable, so that the next call meets it.
  func ready(_ fd: Int32, _ readiness: Readiness)
}

public struct Readiness: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static let readable = Readiness(rawValue: 1)
  public static let writable = Readiness(rawValue: 2)
}

/// A descriptor that a loop watches; held by who watches it.
public struct Watch: Sendable {
  public let fd: Int32
  /// The descriptor, and above it which use of its number this is: events of an earlier one are told apart.
  fileprivate let token: UInt64
}

/// One thread that waits for descriptors, timers and work from other threads.
///
/// epoll, level-triggered, our own rather than Dispatch (half its ping-pong rate from another core, and a
/// closure a wake-up). The thread that calls `run` owns the loop: `watch`, `change`, `unwatch`, timers and
/// all handlers belong to it (before `run`, to who made it). Only `submit`, `stop`, and `change` under a
/// handler's own lock come from elsewhere. Work arrives by a locked list and an eventfd that is written
/// only when the list was empty.
///
/// `@unchecked Sendable`: `inbox` is a Mutex; everything else is touched by the owning thread only.
public final class EventLoop: @unchecked Sendable {
  /// Bytes that one read takes at most.
  public static let readBytes = 64 << 10
  /// Descriptors handled a wake-up.
  private static let eventsPerTurn = 256
  /// epoll counts on a clock that stops while the host sleeps; timers are due on one that does not. So what is
  /// further away than this, in milliseconds, is waited for by an alarm of that clock.
  private static let longestWaitMilliseconds: Int64 = 5_000

  private struct Slot {
    var handler: (any EventHandler)?
    /// Tells events of a descriptor from late ones of an earlier descriptor of the same number.
    var generation: UInt32 = 0
  }

  private struct Inbox {
    var work: [@Sendable () -> Void] = []
    var isStopping = false
  }

  private let epoll: FileDescriptor
  private let wake: FileDescriptor
  private let alarm: FileDescriptor
  private var alarmDue: Instant?
  private var slots: [Slot] = []
  private var timers = TimerHeap()
  private let inbox = Mutex(Inbox())
  private let events: UnsafeMutablePointer<epoll_event>
  /// Scratch space for handlers' reads, on the loop's thread only.
  public let readBuffer: UnsafeMutableRawBufferPointer

  /// Called at the end of each turn, when all that was ready has been handled: what a turn gathered goes
  /// out here, in one piece. On the loop's thread.
  public var endOfTurn: (() -> Void)?

  public init() throws(SystemError) {
    let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    if epoll < 0 { throw SystemError("cannot make an epoll instance") }
    self.epoll = FileDescriptor(owning: epoll)
    let wake = caravan_eventfd()
    if wake < 0 { throw SystemError("cannot make an eventfd") }
    self.wake = FileDescriptor(owning: wake)
    events = .allocate(capacity: Self.eventsPerTurn)
    readBuffer = .allocate(byteCount: Self.readBytes, alignment: 16)
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u64 = UInt64(wake)
    if epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) < 0 { throw SystemError("cannot watch an eventfd") }
    let alarm = caravan_alarm()
    if alarm < 0 { throw SystemError("cannot make a timer") }
    self.alarm = FileDescriptor(owning: alarm)
    // It is armed anew rather than read: so each time it is due is told once.
    event.events = EPOLLIN.rawValue | EPOLLET.rawValue
    event.data.u64 = UInt64(alarm)
    if epoll_ctl(epoll, EPOLL_CTL_ADD, alarm, &event) < 0 { throw SystemError("cannot watch a timer") }
  }

  deinit {
    events.deallocate()
    readBuffer.deallocate()
  }

  // MARK: From any thread

  /// Runs `work` on the loop's thread, in order of arrival. Work handed in after the loop has stopped is
  /// dropped with the loop.
  public func submit(_ work: @escaping @Sendable () -> Void) {
    let isFirst = inbox.withLock { inbox in
      inbox.work.append(work)
      return inbox.work.count == 1
    }
    if isFirst { ring() }
  }

  /// Ends `run` after the turn under way; work submitted before is done.
  public func stop() {
    inbox.withLock { $0.isStopping = true }
    ring()
  }

  private func ring() {
    var one: UInt64 = 1
    // EAGAIN: the counter is full, so the loop is being woken anyway.
    _ = write(wake.raw, &one, MemoryLayout<UInt64>.size)
  }

  // MARK: Descriptors

  /// Watches a descriptor until `unwatch`. `interest` may be empty: errors are told all the same.
  @discardableResult
  public func watch(
    _ fd: Int32, for interest: Readiness, _ handler: any EventHandler
  ) throws(SystemError) -> Watch {
    while slots.count <= Int(fd) { slots.append(Slot()) }
    precondition(slots[Int(fd)].handler == nil, "descriptor \(fd) is watched already")
    let watch = Watch(fd: fd, token: UInt64(slots[Int(fd)].generation) << 32 | UInt64(UInt32(bitPattern: fd)))
    if !control(EPOLL_CTL_ADD, watch, interest) { throw SystemError("cannot watch descriptor \(fd)") }
    slots[Int(fd)].handler = handler
    return watch
  }

  /// Changes what a watched descriptor is waited for. From any thread that makes sure, by a lock of its own,
  /// that the descriptor stays watched meanwhile.
  public func change(_ watch: Watch, to interest: Readiness) {
    if !control(EPOLL_CTL_MOD, watch, interest) {
      preconditionFailure("descriptor \(watch.fd) is not watched: \(SystemError.words(errno))")
    }
  }

  /// Before the descriptor is closed: its number may be another's right after.
  public func unwatch(_ fd: Int32) {
    guard Int(fd) < slots.count, slots[Int(fd)].handler != nil else { return }
    slots[Int(fd)].handler = nil
    slots[Int(fd)].generation &+= 1
    epoll_ctl(epoll.raw, EPOLL_CTL_DEL, fd, nil)
  }

  /// Unwatches and closes. The kernel forgets a descriptor that is closed (epoll(7)) only where nobody else has a copy
  /// of it, as a child has that has not executed its program yet.
  public func close(_ fd: Int32) {
    unwatch(fd)
    Glibc.close(fd)
  }

  private func control(_ operation: Int32, _ watch: Watch, _ interest: Readiness) -> Bool {
    var event = epoll_event()
    event.events =
      (interest.contains(.readable) ? EPOLLIN.rawValue : 0)
      | (interest.contains(.writable) ? EPOLLOUT.rawValue : 0)
    event.data.u64 = watch.token
    return epoll_ctl(epoll.raw, operation, watch.fd, &event) == 0
  }

  // MARK: Timers

  /// Calls `body` once, at `time` or soon after. The loop's thread only.
  @discardableResult
  public func schedule(at time: Instant, _ body: @escaping () -> Void) -> TimerID { timers.add(time, body) }

  /// A timer that is over already is no fault.
  public func cancel(_ timer: TimerID) { timers.cancel(timer) }

  // MARK: The loop

  /// Turns until `stop`. The calling thread owns the loop meanwhile.
  public func run() {
    while turn() {}
  }

  /// Waits, and handles what is ready; false once `stop` was called.
  private func turn() -> Bool {
    let count = epoll_wait(epoll.raw, events, Int32(Self.eventsPerTurn), waitMilliseconds())
    precondition(count >= 0 || errno == EINTR, "epoll_wait: \(SystemError.words(errno))")
    var goesOn = true
    for at in 0..<max(0, Int(count)) {
      let event = events[at]
      let fd = Int32(bitPattern: UInt32(truncatingIfNeeded: event.data.u64))
      if fd == wake.raw {
        goesOn = drainInbox()
        continue
      }
      if fd == alarm.raw {
        alarmDue = nil
        continue
      }
      let slot = slots[Int(fd)]
      // Unwatched earlier in this turn, or already another's descriptor.
      guard let handler = slot.handler, slot.generation == UInt32(event.data.u64 >> 32) else { continue }
      handler.ready(fd, Self.readiness(event.events))
    }
    if timers.earliest != nil { runTimers() }
    endOfTurn?()
    return goesOn
  }

  private func runTimers() {
    let now = Instant.now()
    while let body = timers.takeDue(at: now) { body() }
  }

  private static func readiness(_ bits: UInt32) -> Readiness {
    let failed = bits & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
    var readiness: Readiness = []
    if failed || bits & EPOLLIN.rawValue != 0 { readiness.insert(.readable) }
    if failed || bits & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
    return readiness
  }

  private func waitMilliseconds() -> Int32 {
    guard let next = timers.earliest else { return -1 }
    // Up, not down: a wait that ends early would only come round again.
    let left = max(0, ((next - .now()).nanoseconds + 999_999) / 1_000_000)
    if left <= Self.longestWaitMilliseconds { return Int32(left) }
    if alarmDue == next { return -1 }
    alarmDue = caravan_alarm_at(alarm.raw, next.nanoseconds) == 0 ? next : nil
    return alarmDue == nil ? Int32(Self.longestWaitMilliseconds) : -1
  }

  private func drainInbox() -> Bool {
    var counter: UInt64 = 0
    _ = read(wake.raw, &counter, MemoryLayout<UInt64>.size)
    let (work, isStopping) = inbox.withLock { inbox in
      let work = inbox.work
      inbox.work = []
      return (work, inbox.isStopping)
    }
    for item in work { item() }
    return !isStopping
  }
}
