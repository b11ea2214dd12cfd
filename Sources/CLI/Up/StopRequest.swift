import Foundation

/// Whether SIGINT or SIGTERM has come. The handler only writes a byte into a pipe, which is allowed in one
/// (signal-safety(7)); a handler rather than ignoring the signal, since programs that are started inherit
/// ignored signals but not handlers.
struct StopRequest: Sendable {
  private let readEnd: Int32

  /// Installs the handlers; once in a process.
  static func install() -> StopRequest {
    let readEnd = stopPipe.read
    signal(SIGINT, noteStop)
    signal(SIGTERM, noteStop)
    signal(SIGHUP, noteStop)
    return StopRequest(readEnd: readEnd)
  }

  var isAsked: Bool { wait(milliseconds: 0) }

  /// True as soon as it is asked, false when the time has passed.
  func wait(milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, milliseconds) > 0 && entry.revents & Int16(POLLIN) != 0
  }
}

private let stopPipe: (read: Int32, write: Int32) = {
  var ends: [Int32] = [-1, -1]
  precondition(pipe(&ends) == 0, "no pipe could be made")
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  // A full pipe must not hold the handler up: one byte in it is enough.
  _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
  return (ends[0], ends[1])
}()

private func noteStop(_: Int32) {
  var byte: UInt8 = 1
  _ = write(stopPipe.write, &byte, 1)
}
