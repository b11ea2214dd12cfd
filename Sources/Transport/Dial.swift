import CSystem
import Glibc
import Protocol
public import System

/// One try at connecting to `HOST:PORT`: each address behind the host in turn.
///
/// Names are asked for on a thread of their own, since getaddrinfo(3) blocks for as long as name servers
/// take. (Trying addresses side by side, as RFC 8305 does, gains little for a daemon that tries again.)
///
/// `@unchecked Sendable`: touched on the loop's thread only; the resolving thread just carries it back there.
public final class Dial: EventHandler, @unchecked Sendable {
  /// What one address gets.
  private static let timePerAddress = Period.seconds(10)

  public enum Outcome: ~Copyable {
    /// A connected, non-blocking socket.
    case connected(FileDescriptor)
    case failed(SystemError)
  }

  private let target: HostPort
  private let loop: EventLoop
  private var onOutcome: ((consuming Outcome) -> Void)?
  private var addresses: ArraySlice<SocketAddress> = []
  private var socket: Int32?
  private var timer: TimerID?
  private var lastFailure: SystemError?

  /// Calls `onOutcome` once, never from within; it lives until then. The loop's thread.
  public init(_ target: HostPort, on loop: EventLoop, _ onOutcome: @escaping (consuming Outcome) -> Void) {
    self.target = target
    self.loop = loop
    self.onOutcome = onOutcome
    do throws(SystemError) {
      let numeric = try SocketAddress.resolve(target, numericOnly: true)
      loop.submit { [self] in begin(numeric, nil) }
    } catch {
      resolve()
    }
  }

  /// Nothing is called any more.
  public func cancel() {
    onOutcome = nil
    dropSocket()
  }

  private func resolve() {
    _ = Thread(name: "resolve") { [self] in
      do throws(SystemError) {
        let found = try SocketAddress.resolve(target)
        loop.submit { [self] in begin(found, nil) }
      } catch {
        loop.submit { [self] in begin([], error) }
      }
    }
  }

  private func begin(_ found: [SocketAddress], _ failure: SystemError?) {
    addresses = found[...]
    lastFailure = failure
    tryNext()
  }

  private func tryNext() {
    guard let onOutcome else { return }
    guard let address = addresses.popFirst() else {
      self.onOutcome = nil
      return onOutcome(.failed(lastFailure ?? SystemError(.notFound, "no address for \(target.host)")))
    }
    let raw = caravan_socket(address.family)
    if raw < 0 { return failed("cannot make a socket", errno) }
    socket = raw
    let answer = address.withPointer { connect(raw, $0, $1) }
    if answer < 0 && errno != EINPROGRESS { return failed("cannot reach \(address)", errno) }
    do throws(SystemError) {
      try loop.watch(raw, for: .writable, self)
    } catch {
      return failed("cannot reach \(address)", error.errno)
    }
    timer = loop.schedule(at: .now() + Self.timePerAddress) { [weak self] in
      self?.timer = nil
      self?.failed("cannot reach \(address)", ETIMEDOUT)
    }
  }

  private func failed(_ what: String, _ errno: Int32) {
    lastFailure = SystemError(what, errno: errno)
    dropSocket()
    tryNext()
  }

  private func dropSocket() {
    if let timer { loop.cancel(timer) }
    timer = nil
    guard let socket else { return }
    loop.unwatch(socket)
    Glibc.close(socket)
    self.socket = nil
  }

  public func ready(_ fd: Int32, _ readiness: Readiness) {
    var failure: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &length)
    if failure != 0 { return failed("cannot reach \(target)", failure) }
    loop.unwatch(fd)
    if let timer { loop.cancel(timer) }
    timer = nil
    socket = nil
    let onOutcome = self.onOutcome
    self.onOutcome = nil
    let connected = FileDescriptor(owning: fd)
    onOutcome?(.connected(connected))
  }
}
