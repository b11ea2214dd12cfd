import CSystem
import Glibc
import Protocol
public import System

/// Takes TCP connections on one address.
///
/// `@unchecked Sendable`: made before the loop runs or on its thread, and used on its thread only; others may
/// hold it.
public final class Listener: EventHandler, @unchecked Sendable {
  /// Connections that may wait to be taken; the kernel's own bound (net.core.somaxconn) may be lower.
  private static let backlog: Int32 = 1024
  /// Connections taken a turn.
  private static let acceptsPerTurn = 64
  /// How long nothing is taken when descriptors or memory have run out: the waiting connection would
  /// otherwise wake the loop again at once.
  private static let pauseWhenExhausted = Period.milliseconds(200)

  private let socket: FileDescriptor
  private let loop: EventLoop
  private let onConnection: (consuming FileDescriptor) -> Void
  /// Told when connections cannot be taken for the time being.
  public var onTrouble: ((SystemError) -> Void)?
  /// What it is bound to, with the real port.
  public let address: HostPort

  /// Binds and listens; `onConnection` gets each connected, non-blocking socket on the loop's thread.
  /// Port 0 takes a free one. A taken port throws `.addressInUse`.
  public init(
    on target: HostPort, loop: EventLoop, _ onConnection: @escaping (consuming FileDescriptor) -> Void
  ) throws(SystemError) {
    guard let address = try SocketAddress.resolve(target, forListening: true).first else {
      throw SystemError(.notFound, "no address for \(target.host)")
    }
    let raw = caravan_socket(address.family)
    if raw < 0 { throw SystemError("cannot make a socket") }
    socket = FileDescriptor(owning: raw)
    self.loop = loop
    self.onConnection = onConnection
    var yes: Int32 = 1
    // So that a restart need not wait for old connections to be forgotten (ip(7)).
    setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    if address.withPointer({ bind(raw, $0, $1) }) < 0 {
      if errno == EADDRINUSE {
        throw SystemError(.addressInUse, "\(target) is taken by another program", errno: errno)
      }
      throw SystemError("cannot listen on \(target)")
    }
    if listen(raw, Self.backlog) < 0 { throw SystemError("cannot listen on \(target)") }
    self.address = try SocketAddress(boundTo: raw).hostPort
    try loop.watch(raw, for: .readable, self)
  }

  /// Takes no more connections; those that wait are refused when the listener goes. The loop's thread.
  public func close() { loop.unwatch(socket.raw) }

  public func ready(_ fd: Int32, _ readiness: Readiness) {
    if Failpoint.connectionTakeBefore.fails() { return pause(cannotTake(errno: EMFILE)) }
    for _ in 0..<Self.acceptsPerTurn {
      let raw = caravan_accept(fd, nil, nil)
      if raw >= 0 {
        onConnection(FileDescriptor(owning: raw))
        continue
      }
      switch errno {
      case EAGAIN: return
      // Ended before it was taken, or an error of the network that belongs to it (accept(2)).
      case ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ETIMEDOUT: continue
      default: return pause(cannotTake(errno: errno))
      }
    }
  }

  private func cannotTake(errno: Int32) -> SystemError {
    SystemError("cannot take a connection on \(address)", errno: errno)
  }

  private func pause(_ trouble: SystemError) {
    onTrouble?(trouble)
    loop.unwatch(socket.raw)
    loop.schedule(at: .now() + Self.pauseWhenExhausted) { [weak self] in
      guard let self else { return }
      do throws(SystemError) { try loop.watch(socket.raw, for: .readable, self) } catch { pause(error) }
    }
  }
}
