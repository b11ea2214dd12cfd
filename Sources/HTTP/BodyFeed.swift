import CMicrohttpd
import Protocol
import Synchronization
import System

/// Hands a `BodySource` to the library piece by piece, and suspends the connection while there is nothing.
///
/// The wake-up may come before, during or after the suspension: `isWoken` keeps one that comes early, and
/// both sides look under the same lock, so that none is lost and none resumes what is not suspended (which
/// the library forbids).
///
/// `@unchecked Sendable`: `source`, `piece` and `sent` belong to the library's thread of the connection;
/// `handle` is used only while `isSuspended` was seen true under the lock, or on that thread.
final class BodyFeed: @unchecked Sendable {
  private struct State {
    var isWoken = false
    var isSuspended = false
    var since = Instant(nanoseconds: 0)
    var isGone = false
  }
  private let source: any BodySource
  private let handle: OpaquePointer
  private let descriptor: Int32
  private let state = Mutex(State())
  private var piece: [UInt8] = []
  private var sent = 0

  init(_ source: any BodySource, handle: OpaquePointer, descriptor: Int32) {
    self.source = source
    self.handle = handle
    self.descriptor = descriptor
  }

  /// The library asks for up to `room` bytes. 0: the connection is suspended now.
  func fill(_ buffer: UnsafeMutableRawPointer, room: Int) -> Int {
    while sent == piece.count {
      // A source that waits holds `wake`, and `wake` must not hold the feed that holds the source.
      state.withLock { $0.isWoken = false }
      if state.withLock({ $0.isGone }) { return caravan_mhd_end_with_error() }
      switch source.next(wake: { [weak self] in self?.wake() }) {
      case .bytes(let bytes):
        piece = bytes
        sent = 0
      case .later:
        if suspend() { return 0 }
      case .end: return caravan_mhd_end_of_stream()
      case .failed: return caravan_mhd_end_with_error()
      }
    }
    let count = min(room, piece.count - sent)
    piece.withUnsafeBytes { buffer.copyMemory(from: $0.baseAddress! + sent, byteCount: count) }
    sent += count
    return count
  }

  /// false: there is a reason to ask again at once.
  private func suspend() -> Bool {
    state.withLock { state in
      if state.isWoken || state.isGone { return false }
      state.isSuspended = true
      state.since = .now()
      MHD_suspend_connection(handle)
      return true
    }
  }

  private func wake() {
    state.withLock { state in
      state.isWoken = true
      resume(&state)
    }
  }

  private func resume(_ state: inout State) {
    guard state.isSuspended else { return }
    state.isSuspended = false
    MHD_resume_connection(handle)
  }

  /// Called from time to time while the connection is open. A suspended connection does not notice that its
  /// client left, so it is looked at here; and a source is asked again after a heartbeat's time.
  func tick(now: Instant, heartbeat: Period) {
    state.withLock { state in
      guard state.isSuspended else { return }
      if isAtEnd(descriptor) { state.isGone = true }
      if state.isGone || heartbeat < now - state.since { resume(&state) }
    }
  }

  var isWaiting: Bool { state.withLock { $0.isSuspended } }

  /// The server stops: the body ends as a failed one.
  func abandon() {
    state.withLock { state in
      state.isGone = true
      resume(&state)
    }
  }

  /// The library is done with the answer.
  func close() { source.close() }
}

/// Bytes too many to be copied into the library at once.
final class BytesFeed {
  private let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func fill(_ buffer: UnsafeMutableRawPointer, at offset: Int, room: Int) -> Int {
    let count = min(room, bytes.count - offset)
    if count <= 0 { return caravan_mhd_end_of_stream() }
    bytes.withUnsafeBytes { buffer.copyMemory(from: $0.baseAddress! + offset, byteCount: count) }
    return count
  }
}
