import CSystem
import Glibc
public import Protocol
import Synchronization
public import System

/// Frames over one connected socket: payloads in on the loop's thread, bytes out from any thread.
///
/// A sender writes to the socket itself, under the connection's lock, as long as nothing waits: a hop to the
/// loop's thread would cost 30–60 µs. What the socket does not take waits in the `Outbox` until it can be
/// written, on the loop's thread. So a reader that is slow slows nobody: its bytes wait up to a limit,
/// then its connection ends.
///
/// Bytes go in and out of the socket in two places, `receive` and `Outbox.write`: that is where TLS goes.
///
/// Life: made by who owns the loop, which sets `onPayload` and `onClosed` and calls `open`; ends once, by
/// `close`, `finish`, the other side, or a fault; `onClosed` is the last call.
///
/// `@unchecked Sendable`: `outgoing` is a Mutex; all else is touched on the loop's thread only.
public final class FrameConnection: EventHandler, @unchecked Sendable {
  public enum Lane: Sendable {
    case control
    /// Goes when no control waits.
    case logs
  }

  public struct Limits: Sendable {
    /// Bytes that may wait to be sent.
    public var outgoingBytes = 64 << 20
    /// From a frame's first byte to its last, and from `finish` to the end.
    public var frameTime = Period.seconds(60)
    public init() {}
  }

  /// Reads of one turn, so that one busy connection leaves others their turn.
  private static let readsPerTurn = 16

  private struct Outgoing: ~Copyable {
    /// nil: not open yet, or over.
    var watch: Watch?
    var box = Outbox()
    var isBlocked = false
    var isFinishing = false
    /// Bytes were dropped: what followed them now would come after a gap.
    var isBroken = false
    var isPaused = false
    var interest: Readiness {
      (isPaused ? [] : Readiness.readable).union(isBlocked ? .writable : [])
    }

    mutating func breakOff() {
      box.removeAll()
      isBroken = true
    }
  }

  /// The other side's address, for people.
  public let peer: String
  /// Each whole payload, in order.
  public var onPayload: (([UInt8]) -> Void)?
  /// Bytes have waited for the socket, and all are gone.
  public var onDrained: (() -> Void)?
  /// The connection is over; nothing follows.
  public var onClosed: ((ConnectionEnd) -> Void)?

  private let loop: EventLoop
  private let limits: Limits
  private let fd: Int32
  private let outgoing: Mutex<Outgoing>
  private var decoder = FrameDecoder(payloadLimit: FrameLimits.payloadBytesBeforeHello)
  private var isOver = false
  /// Why `finish` was called; from then on nothing is handed on.
  private var finishing: ConnectionEnd?
  /// Payloads so far; tells a deadline whether its frame has come.
  private var payloads: UInt64 = 0
  private var hasFrameTimer = false
  private var isPaused = false

  /// Takes over a connected, non-blocking socket; the payload limit is that before the hello.
  public init(_ socket: consuming FileDescriptor, on loop: EventLoop, limits: Limits = Limits()) {
    fd = socket.release()
    self.loop = loop
    self.limits = limits
    outgoing = Mutex(Outgoing())
    peer = (try? SocketAddress(peerOf: fd))?.description ?? "unknown"
    set(IPPROTO_TCP, TCP_NODELAY, 1)
    // A dead host is noticed by heartbeats; this is for who waits without any.
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
  }

  deinit {
    // Never opened, or dropped with its loop.
    if !isOver { Glibc.close(fd) }
  }

  private func set(_ level: Int, _ option: Int32, _ value: Int32) { set(Int32(level), option, value) }
  private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    // It fails for what is no TCP socket (a test's socketpair), where it means nothing.
    setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  // MARK: On the loop's thread

  /// Drops what waits and ends the connection before this returns. The caller holds no lock that `onClosed` wants.
  public func closeNow(_ message: String) { end(ConnectionEnd(.closed, message)) }

  /// Begins to read. What was sent before goes out now.
  public func open() throws(SystemError) {
    let watch = try loop.watch(fd, for: .readable, self)
    outgoing.withLock { $0.watch = watch }
    flush()
  }

  /// The hello was accepted: frames may be as large as the protocol allows, or as `bytes` says.
  public func raiseLimit(to bytes: Int = FrameLimits.payloadBytes) { decoder.payloadLimit = bytes }

  /// Ends the connection unless a payload has come whole by then: for the hello, and for its answer.
  public func expectPayload(within time: Period, orSay message: String) {
    let before = payloads
    loop.schedule(at: .now() + time) { [weak self] in
      guard let self, payloads == before else { return }
      end(ConnectionEnd(.tooSlow, message))
    }
  }

  /// Stops reading while the payloads' taker is behind; the other side is slowed by TCP.
  public func pauseReading() { setPaused(true) }
  public func resumeReading() { setPaused(false) }

  private func setPaused(_ isPaused: Bool) {
    if self.isPaused == isPaused { return }
    self.isPaused = isPaused
    outgoing.withLock { outgoing in
      outgoing.isPaused = isPaused
      if let watch = outgoing.watch { loop.change(watch, to: outgoing.interest) }
    }
    // What was read before the pause; not from within, since the caller may be a payload's taker.
    if !isPaused { loop.submit { [self] in deliver() } }
  }

  // MARK: From any thread

  /// Sends whole frames (`FrameEncoder.take`), in order within their lane. Nothing is thrown: a connection
  /// that is over, or ends now, drops them, and `onClosed` tells.
  public func send(_ frames: [UInt8], _ lane: Lane = .control) {
    if frames.isEmpty { return }
    let end: ConnectionEnd? = outgoing.withLock { outgoing in
      if outgoing.isFinishing || outgoing.isBroken { return nil }
      outgoing.box.append(frames, to: lane)
      if outgoing.box.count > limits.outgoingBytes {
        outgoing.breakOff()
        return ConnectionEnd(
          .overflow, "\(peer) reads too slowly: more than \(limits.outgoingBytes >> 20) MiB wait for it")
      }
      if outgoing.watch == nil || outgoing.isBlocked { return nil }
      return write(&outgoing)
    }
    if let end { endLater(end) }
  }

  /// Bytes that wait for the socket; who has more to say than must be said now looks here first.
  public var waitingBytes: Int { outgoing.withLock { $0.box.count } }

  /// Drops what waits and ends the connection.
  public func close(_ message: String) { endLater(ConnectionEnd(.closed, message)) }

  /// Sends what waits, then ends the connection in such a way that the other side can read it all. Nothing
  /// that comes in meanwhile is handed on.
  public func finish(_ message: String) {
    outgoing.withLock { $0.isFinishing = true }
    loop.submit { [self] in
      if isOver || finishing != nil { return }
      let end = ConnectionEnd(.closed, message)
      finishing = end
      loop.schedule(at: .now() + limits.frameTime) { [weak self] in self?.end(end) }
      // Whatever the frames are, they are thrown away until the other side closes.
      setPaused(false)
      flush()
    }
  }

  // MARK: Out

  /// Writes what waits; the lock is held. An end that follows is for the caller to carry out.
  private func write(_ outgoing: inout Outgoing) -> ConnectionEnd? {
    guard let watch = outgoing.watch else { return nil }
    let wasBlocked = outgoing.isBlocked
    switch outgoing.box.write(to: fd) {
    case .all:
      outgoing.isBlocked = false
      // A close with bytes unread would reset the connection, and the other side lose what was just said:
      // so only this half ends here (tcp(7), RFC 9293 3.6).
      if outgoing.isFinishing { shutdown(fd, Int32(SHUT_WR)) }
    case .blocked: outgoing.isBlocked = true
    case .failed(let errno):
      outgoing.breakOff()
      return broken(errno)
    }
    if outgoing.isBlocked != wasBlocked { loop.change(watch, to: outgoing.interest) }
    return nil
  }

  private func broken(_ errno: Int32) -> ConnectionEnd {
    ConnectionEnd(.lost, "the connection to \(peer) broke: \(SystemError.words(errno))")
  }

  private func flush() {
    if let failure = outgoing.withLock({ write(&$0) }) { end(failure) }
  }

  // MARK: In

  public func ready(_ fd: Int32, _ readiness: Readiness) {
    if readiness.contains(.writable) {
      flush()
      if !isOver, waitingBytes == 0 { onDrained?() }
    }
    if !isOver, readiness.contains(.readable) { receive() }
  }

  private func receive() {
    for _ in 0..<Self.readsPerTurn {
      let count = recv(fd, loop.readBuffer.baseAddress!, loop.readBuffer.count, 0)
      if count == 0 { return receivedEnd() }
      if count < 0 {
        if errno == EAGAIN { break }
        if errno == EINTR { continue }
        return end(broken(errno))
      }
      if Failpoint.frameReceiveAfter.fails() { return end(broken(ECONNRESET)) }
      if finishing == nil {
        decoder.append(UnsafeRawBufferPointer(rebasing: loop.readBuffer[..<count]))
        deliver()
      }
      if isOver || isPaused { return }
      if count < loop.readBuffer.count { break }
    }
    if decoder.isInsideFrame, finishing == nil { watchFrame() }
  }

  private func deliver() {
    do throws(FrameFault) {
      while !isOver, !isPaused, finishing == nil, let payload = try decoder.next() {
        payloads += 1
        onPayload?(payload)
      }
    } catch {
      end(ConnectionEnd(.badFrame, error.message))
    }
  }

  private func receivedEnd() {
    if let finishing { return end(finishing) }
    if decoder.isInsideFrame {
      return end(ConnectionEnd(.lost, "\(peer) closed the connection inside a frame"))
    }
    end(ConnectionEnd(.closedByPeer, "\(peer) closed the connection"))
  }

  /// Half a frame and silence ends the connection. One timer serves all frames, and is made only while one
  /// is unfinished: most frames come whole.
  private func watchFrame() {
    if hasFrameTimer { return }
    hasFrameTimer = true
    let before = payloads
    loop.schedule(at: .now() + limits.frameTime) { [weak self] in
      guard let self, !isOver else { return }
      hasFrameTimer = false
      guard decoder.isInsideFrame, finishing == nil, !isPaused else { return }
      if payloads != before { return watchFrame() }
      let seconds = limits.frameTime.nanoseconds / 1_000_000_000
      end(ConnectionEnd(.tooSlow, "\(peer) began a frame and did not end it within \(seconds) s"))
    }
  }

  // MARK: The end

  /// Always later, on the loop's thread: whoever sends may hold locks of its own.
  private func endLater(_ end: ConnectionEnd) {
    loop.submit { [self] in self.end(end) }
  }

  private func end(_ end: ConnectionEnd) {
    if isOver { return }
    isOver = true
    // Under the lock, since senders use the descriptor under it.
    outgoing.withLock { outgoing in
      outgoing.watch = nil
      outgoing.isFinishing = true
      outgoing.box.removeAll()
      loop.unwatch(fd)
      Glibc.close(fd)
    }
    let onClosed = self.onClosed
    // They commonly hold this object.
    self.onPayload = nil
    self.onClosed = nil
    onClosed?(end)
  }
}
