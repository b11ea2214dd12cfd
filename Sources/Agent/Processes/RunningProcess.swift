import Glibc
import Protocol
import Scheduling
import System
import Transport

/// The main process of one attempt and the two pipes that it prints into.
final class RunningProcess: EventHandler {
  /// Reads of one wake-up, so that a task that prints without end leaves others their turn.
  private static let readsPerWakeUp = 4

  let fence: Fence
  /// Its session and process group, too.
  let pid: Int32
  /// What holds all of its processes; nil: they are told by their session and environment.
  let group: TaskGroup?
  let birth: Birth?
  private let loop: EventLoop
  private let printed: (Fence, OutputStream, UnsafeRawBufferPointer) -> Void
  /// -1: closed.
  private(set) var stdout: Int32
  private(set) var stderr: Int32
  private var isStdoutWatched = false
  /// How the main process ended; what it left may still be there.
  var end: ProcessEnd?
  /// When it was first to be gone; nil: it may run.
  var killedAt: Instant?
  /// Of its memory; nil: none.
  var limitMB: Int64?
  /// The largest resident size that was seen, in KB.
  var seenPeakKB: Int64 = 0
  /// Those that it has to itself.
  var cpus: [Int] = []
  /// What could not be done as its job says, for people.
  var remark = ""
  private var alarm: (fd: Int32, onAlarm: (Fence) -> Void)?

  init(
    _ fence: Fence, _ spawned: Spawner.Spawned, in group: TaskGroup?, on loop: EventLoop,
    printed: @escaping (Fence, OutputStream, UnsafeRawBufferPointer) -> Void
  ) {
    self.fence = fence
    pid = spawned.pid
    self.group = group
    self.loop = loop
    self.printed = printed
    stdout = spawned.stdout
    stderr = spawned.stderr
    birth = spawned.birth
  }

  /// To its process group; while it has none yet, to itself, where such a signal waits until it has.
  func kill(_ signal: Int32) {
    if Glibc.kill(-pid, signal) < 0, end == nil { Glibc.kill(pid, signal) }
  }

  /// From now on what it prints is read as it comes. After a failure again.
  func watchOutput() throws(SystemError) {
    if stdout >= 0, !isStdoutWatched {
      try loop.watch(stdout, for: .readable, self)
      isStdoutWatched = true
    }
    if stderr >= 0 { try loop.watch(stderr, for: .readable, self) }
  }

  /// All of its processes, as far as they can be told.
  var pids: [Int32] { group?.pids ?? ProcessTable.family(of: pid) }

  /// Hears from its control group's alarm until it is over. An alarm of an earlier attempt is forgotten.
  func watchMemory(_ fd: Int32, _ onAlarm: @escaping (Fence) -> Void) throws(SystemError) {
    silence(fd)
    try loop.watch(fd, for: .readable, self)
    alarm = (fd, onAlarm)
  }

  private func silence(_ fd: Int32) {
    var count: UInt64 = 0
    _ = Glibc.read(fd, &count, MemoryLayout<UInt64>.size)
  }

  func ready(_ fd: Int32, _ readiness: Readiness) {
    if let alarm, alarm.fd == fd {
      silence(fd)
      return alarm.onAlarm(fence)
    }
    read(fd, times: Self.readsPerWakeUp)
  }

  /// Reads what is still in the pipes, and closes them. A pipe's end need not come: somebody who got the
  /// descriptor from a process of the attempt may hold it for ever.
  func drain() {
    if let alarm { loop.unwatch(alarm.fd) }
    alarm = nil
    if stdout >= 0 { read(stdout, times: .max) }
    if stderr >= 0 { read(stderr, times: .max) }
    close(stdout)
    close(stderr)
  }

  private func read(_ fd: Int32, times: Int) {
    let buffer = loop.readBuffer
    for _ in 0..<times {
      let count = Glibc.read(fd, buffer.baseAddress!, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { return }
      }
      if count <= 0 { return close(fd) }
      Failpoint.outputReadAfter.pass()
      printed(fence, fd == stdout ? .stdout : .stderr, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      // The pipe was empty, most likely: the next wake-up tells.
      if count < buffer.count && times != .max { return }
    }
  }

  private func close(_ fd: Int32) {
    if fd < 0 { return }
    loop.close(fd)
    if fd == stdout { stdout = -1 } else { stderr = -1 }
  }
}
