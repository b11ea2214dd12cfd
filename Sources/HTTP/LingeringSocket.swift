// Its headers own some of the sockets' constants where they are the first to be read.
import CMicrohttpd
import Glibc
import Protocol
import System

/// A connection that the library gave up with bytes unread, mostly after an answer of its own to a head that
/// it could not take. Closing it at once would send a reset, and the reset take that answer from a client
/// that is still sending (RFC 9112, 9.6); so a copy of the descriptor keeps the socket open, its writing
/// side shut, until the client ends or a time has passed.
final class LingeringSocket: Sendable {
  private let descriptor: Int32
  private let deadline: Instant

  /// nil: nothing is unread, or the descriptor cannot be copied.
  init?(_ original: Int32, upTo time: Period) {
    var unread: UInt8 = 0
    guard recv(original, &unread, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) > 0 else { return nil }
    descriptor = fcntl(original, F_DUPFD_CLOEXEC, 0)
    deadline = .now() + time
    if descriptor < 0 { return nil }
    shutdown(descriptor, Int32(SHUT_WR))
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Throws away what has come. The most is bounded, so that one client does not keep the thread.
  func isDone(now: Instant) -> Bool {
    if deadline < now { return true }
    return withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { room in
      for _ in 0..<64 {
        let count = recv(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
        if count == 0 { return true }
        if count < 0 { return errno != EAGAIN && errno != EINTR }
      }
      return false
    }
  }
}
