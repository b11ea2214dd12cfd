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
  private let loop: EventLoop
  private let printed: (Fence, OutputStream, UnsafeRawBufferPointer) -> Void
  /// -1: closed.
  private var stdout: Int32
  private var stderr: Int32
  /// How the main process ended; what it left may still be there.
  var end: ProcessEnd?

  init(
    _ fence: Fence, _ spawned: Spawner.Spawned, on loop: EventLoop,
    printed: @escaping (Fence, OutputStream, UnsafeRawBufferPointer) -> Void
  ) throws(SystemError) {
    self.fence = fence
    pid = spawned.pid
    self.loop = loop
    self.printed = printed
    stdout = spawned.stdout
    stderr = spawned.stderr
    do throws(SystemError) {
      try loop.watch(stdout, for: .readable, self)
      try loop.watch(stderr, for: .readable, self)
    } catch {
      close(stdout)
      close(stderr)
      throw error
    }
  }

  func ready(_ fd: Int32, _ readiness: Readiness) { read(fd, times: Self.readsPerWakeUp) }

  /// Reads what is still in the pipes, and closes them. A pipe's end need not come: somebody who got the
  /// descriptor from a process of the attempt may hold it for ever.
  func drain() {
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
