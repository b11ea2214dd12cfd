import Glibc
import System

/// Bytes that wait for a socket, in two lanes: control goes before logs, but never inside a block that has
/// begun (a block holds whole frames).
///
/// The usual case is that nothing waits: then a block goes out as it was handed in, and nothing is copied.
/// (One buffer for both lanes would need the frames' bounds; writev over many blocks costs more than it
/// saves where control is gathered anyway.)
struct Outbox {
  /// The block being written, and how much of it is gone.
  private var begun: [UInt8] = []
  private var sent = 0
  private var control: [UInt8] = []
  private var logs: [[UInt8]] = []
  private var firstLog = 0
  /// Bytes that wait, of both lanes.
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  mutating func append(_ block: [UInt8], to lane: FrameConnection.Lane) {
    if block.isEmpty { return }
    count += block.count
    switch lane {
    case .control where control.isEmpty: control = block
    case .control: control.append(contentsOf: block)
    case .logs: logs.append(block)
    }
  }

  mutating func removeAll() { self = Outbox() }

  enum Written {
    case all
    /// The socket takes no more at present.
    case blocked
    case failed(errno: Int32)
  }

  /// Writes until the socket takes no more or nothing is left.
  mutating func write(to fd: Int32) -> Written {
    if count > 0, Failpoint.frameSendBefore.fails() { return .failed(errno: ECONNRESET) }
    while count > 0 {
      if sent == begun.count { beginNext() }
      let written = begun.withUnsafeBytes {
        send(fd, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if written >= 0 {
        sent += written
        count -= written
      } else if errno == EAGAIN {
        return .blocked
      } else if errno != EINTR {
        return .failed(errno: errno)
      }
    }
    if sent > 0 { Failpoint.frameSendAfter.pass() }
    begun = []
    sent = 0
    return .all
  }

  private mutating func beginNext() {
    sent = 0
    if !control.isEmpty {
      begun = control
      control = []
      return
    }
    begun = logs[firstLog]
    logs[firstLog] = []
    firstLog += 1
    if firstLog == logs.count {
      logs = []
      firstLog = 0
    }
  }
}
