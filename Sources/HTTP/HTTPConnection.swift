import CMicrohttpd
import Glibc
import Protocol
import Synchronization
import System

/// One client's connection, through one request after the other.
///
/// ```
/// idle → head → body → waiting → ready → sending → idle
///          └──→ refusing ────────────────┘    the body is read and thrown away, then the refusal goes out
///          └──→ cut                           the refusal went out by hand; the rest is thrown away until the end
/// ```
/// The library calls `advance` for a head, each piece of a body and a body's end. A refusal whose body was
/// not read is sent by hand and the writing side shut: an answer through the library would close the socket
/// with bytes unread, and the reset that follows takes the answer from a client that is still sending
/// (RFC 9112, 9.6).
///
/// `@unchecked Sendable`: `target`, `request`, `isHead` and `dropped` belong to the library's thread of
/// this connection; all else is in `state`, under its lock. `handle` is used on that thread, or with
/// `isSuspended` seen true under the lock.
final class HTTPConnection: @unchecked Sendable {
  private enum Phase {
    case idle
    case head
    case body
    case refusing(Response)
    case cut
    case waiting(isSuspended: Bool)
    case ready(Response)
    case sending(BodyFeed?)
  }

  private struct State {
    var phase = Phase.idle
    var since: Instant
    /// Bytes of the body so far.
    var received = 0
    /// Counts requests, so that a reply is taken only for its own.
    var exchange = 0
    var isFresh = true
    /// Whether the clock looked for the client's end since the last answer.
    var isLookedAfter = false
    var isStopping: Bool
    /// Its place was wanted.
    var isEnded = false
    var isClosed = false
  }

  private let core: HTTPServerCore
  private let handle: OpaquePointer
  private let descriptor: Int32
  private let state: Mutex<State>

  private var target: RequestTarget?
  private var request: Request?
  private var isHead = false
  private var dropped = 0

  init(_ core: HTTPServerCore, handle: OpaquePointer) {
    self.core = core
    self.handle = handle
    descriptor = caravan_mhd_socket(handle)
    state = Mutex(State(since: .now(), isStopping: false))
  }

  // MARK: The library's thread

  /// A request line is there.
  func began(_ uri: UnsafePointer<CChar>) {
    let bytes = UnsafeRawBufferPointer(start: uri, count: strlen(uri))
    target = RequestTarget(bytes)
    request = nil
    dropped = 0
    state.withLock { state in
      state.exchange += 1
      state.received = 0
      // A connection's first request counts from the connection's beginning.
      if !state.isFresh { state.since = .now() }
      state.phase = .head
    }
  }

  /// A head is there, or a piece of the body, or (with no bytes) its end, or the connection was resumed.
  func advance(method: UnsafePointer<CChar>, upload: UnsafeRawBufferPointer) -> MHD_Result {
    switch state.withLock({ $0.isStopping ? .cut : $0.phase }) {
    case .head: return head(method: String(cString: method))
    case .body: return upload.isEmpty ? respond() : take(upload)
    case .refusing(let response):
      if upload.isEmpty { return queue(response) }
      dropped += upload.count
      return dropped > core.limits.refusedBodyBytes ? cut(with: response) : .YES
    case .cut: return upload.isEmpty ? .NO : .YES
    case .ready(let response): return queue(response)
    case .idle, .waiting, .sending: return .NO
    }
  }

  /// The answer is out, or the request was given up.
  func completed() {
    request = nil
    target = nil
    state.withLock { state in
      state.phase = .idle
      state.since = .now()
      state.isFresh = false
      state.isLookedAfter = false
    }
  }

  /// The socket is about to be closed.
  func closed() {
    if let socket = LingeringSocket(descriptor, upTo: core.limits.refusedBodyTime) { core.linger(socket) }
    state.withLock { state in
      state.isClosed = true
      state.phase = .cut
    }
  }

  private func head(method: String) -> MHD_Result {
    var headers: [(name: String, value: String)] = []
    withUnsafeMutablePointer(to: &headers) {
      _ = MHD_get_connection_values_n(handle, .HEADER_KIND, collectHeader, $0)
    }
    isHead = method == "HEAD"
    let target = self.target ?? RequestTarget([UInt8]())
    let head = Request(
      method: method, rawPath: target.rawPath, segments: target.segments, query: target.query,
      headers: headers)
    let length = head.header("content-length").map { Int($0) ?? .max }
    let coding = head.header("transfer-encoding")
    if let fault = framingFault(length: length, coding: coding) {
      // Nobody can say where such a body ends.
      return cut(with: fault.response)
    }
    let refusal = refusal(of: head, length: length)
    request = head
    guard let refusal else {
      // No more than arrives soon is reserved on a client's word.
      request?.body.reserveCapacity(min(length ?? 0, 1 << 20))
      state.withLock { $0.phase = .body }
      return .YES
    }
    let hasBody = coding != nil || length ?? 0 > 0
    if hasBody, head.header("expect")?.lowercased() == "100-continue" {
      // The client sends nothing before it is told to go on.
      var refusal = refusal
      refusal.headers.append(("Connection", "close"))
      return queue(refusal)
    }
    if length ?? 0 > core.limits.refusedBodyBytes { return cut(with: refusal) }
    state.withLock { $0.phase = .refusing(refusal) }
    return .YES
  }

  private func framingFault(length: Int?, coding: String?) -> Problem? {
    guard let coding else { return nil }
    // Two lengths are two requests to two readers (RFC 9112, 6.3).
    if length != nil { return Problem(400, "a request has Content-Length or Transfer-Encoding, not both") }
    if coding.lowercased() == "chunked" { return nil }
    return Problem(501, "the transfer coding \"\(coding)\" is not known; chunked is")
  }

  private func refusal(of head: Request, length: Int?) -> Response? {
    let limits = core.limits
    if head.headers.count > limits.headerCount {
      let count = head.headers.count
      return Problem(431, "a request may have \(limits.headerCount) header lines, this one has \(count)")
        .response
    }
    let bytes = Int(caravan_mhd_header_size(handle))
    if bytes > limits.headBytes {
      return Problem(431, "a request's head may have \(limits.headBytes) bytes, this one has \(bytes)")
        .response
    }
    if let response = core.responder.admit(head) { return response }
    if let length, length > limits.bodyBytes { return tooLarge.response }
    return nil
  }

  private var tooLarge: Problem {
    Problem(413, "a request's body may have \(core.limits.bodyBytes) bytes, this one has more")
  }

  private func take(_ upload: UnsafeRawBufferPointer) -> MHD_Result {
    let count = (request?.body.count ?? 0) + upload.count
    if count > core.limits.bodyBytes {
      request = nil
      return cut(with: tooLarge.response)
    }
    request?.body.append(contentsOf: upload)
    state.withLock { $0.received = count }
    return .YES
  }

  private func respond() -> MHD_Result {
    guard let request else { return .NO }
    self.request = nil
    let exchange = state.withLock { state in
      state.phase = .waiting(isSuspended: false)
      return state.exchange
    }
    core.responder.respond(to: request, Reply { self.reply($0, to: exchange) })
    let ready: Response? = state.withLock { state in
      if case .ready(let response) = state.phase { return response }
      if state.isStopping { return nil }
      state.phase = .waiting(isSuspended: true)
      MHD_suspend_connection(handle)
      return nil
    }
    if let ready { return queue(ready) }
    return state.withLock { $0.isStopping } ? .NO : .YES
  }

  private func queue(_ response: Response) -> MHD_Result {
    let (answer, feed) = makeAnswer(response)
    guard let answer else { return .NO }
    defer { MHD_destroy_response(answer) }
    for header in response.headers {
      let added = MHD_add_response_header(answer, header.name, header.value)
      assert(added == .YES, "the header \(header.name) was not taken")
    }
    if isHead, feed != nil {
      // The library (0.9.75) ends a chunked answer to HEAD with a last chunk, which the client would take for
      // the next answer's beginning. So this one has no framing, and ends with the connection.
      caravan_mhd_end_with_connection(answer)
    }
    state.withLock { $0.phase = .sending(feed) }
    return MHD_queue_response(handle, UInt32(response.status), answer)
  }

  private func makeAnswer(_ response: Response) -> (OpaquePointer?, BodyFeed?) {
    switch response.body {
    case .bytes(let bytes) where bytes.count <= Self.copiedBytes:
      let answer = bytes.withUnsafeBytes {
        MHD_create_response_from_buffer(
          bytes.count, UnsafeMutableRawPointer(mutating: $0.baseAddress), .RESPMEM_MUST_COPY)
      }
      return (answer, nil)
    case .bytes(let bytes):
      let feed = Unmanaged.passRetained(BytesFeed(bytes)).toOpaque()
      return (
        MHD_create_response_from_callback(
          UInt64(bytes.count), Self.blockBytes, fillFromBytes, feed, releaseBytes), nil
      )
    case .stream(let source):
      let feed = BodyFeed(source, handle: handle, descriptor: descriptor)
      let held = Unmanaged.passRetained(feed).toOpaque()
      return (
        MHD_create_response_from_callback(
          caravan_mhd_size_unknown(), Self.blockBytes, fillFromSource, held, releaseSource), feed
      )
    }
  }

  /// Answers up to this size are copied into the library.
  private static let copiedBytes = 64 << 10
  private static let blockBytes = 32 << 10

  /// Refuses with the body unread: see above.
  private func cut(with response: Response) -> MHD_Result {
    state.withLock { cut(&$0, with: response) }
    return .YES
  }

  /// The library has nothing to send at this time, so the socket is ours to write to.
  private func cut(_ state: inout State, with response: Response?) {
    if let response {
      let wire = response.wire()
      // So little fits the socket's empty buffer; where it does not, the client gets no answer.
      _ = wire.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
    shutdown(descriptor, Int32(SHUT_WR))
    state.phase = .cut
    state.since = .now()
  }

  // MARK: Any thread

  private func reply(_ response: Response, to exchange: Int) {
    let isTaken = state.withLock { state in
      guard state.exchange == exchange, !state.isClosed, case .waiting(let isSuspended) = state.phase else {
        return false
      }
      state.phase = .ready(response)
      if isSuspended { MHD_resume_connection(handle) }
      return true
    }
    if !isTaken, case .stream(let source) = response.body { source.close() }
  }

  /// Looks after the time: called by the server's clock thread.
  func tick(now: Instant) {
    state.withLock { state in
      if state.isClosed { return }
      let limits = core.limits
      let passed = now - state.since
      switch state.phase {
      case .idle:
        // A client's end that came with its request is an edge that the library's epoll loop has missed.
        let hasLeft = !state.isLookedAfter && isAtEnd(descriptor)
        state.isLookedAfter = true
        if hasLeft {
          shutdown(descriptor, Int32(SHUT_RDWR))
        } else if limits.requestTime < passed {
          giveUp(&state, answering: state.isFresh)
        }
      case .head, .body, .refusing:
        let granted = Int64(state.received) * 1000 / limits.bodyBytesPerSecond
        if limits.requestTime + .milliseconds(granted) < passed { giveUp(&state, answering: true) }
      case .cut:
        if limits.refusedBodyTime < passed { shutdown(descriptor, Int32(SHUT_RDWR)) }
      case .sending(let feed?): feed.tick(now: now, heartbeat: limits.heartbeat)
      case .waiting, .ready, .sending(nil): break
      }
    }
  }

  private func giveUp(_ state: inout State, answering: Bool) {
    let problem = Problem(
      408, "the request did not arrive whole within \(core.limits.requestTime.nanoseconds / 1_000_000) ms")
    cut(&state, with: answering ? problem.response : nil)
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// How a connection between requests stands among others: those that never sent any come first, then by time.
  struct Silence: Comparable {
    var hasSpoken: Bool
    var since: Instant
    static func < (a: Silence, b: Silence) -> Bool {
      a.hasSpoken == b.hasSpoken ? a.since < b.since : !a.hasSpoken
    }
  }

  /// nil: it is not silent, or has been ended.
  var silence: Silence? {
    state.withLock { state in
      guard case .idle = state.phase, !state.isClosed, !state.isEnded else { return nil }
      return Silence(hasSpoken: !state.isFresh, since: state.since)
    }
  }

  /// Its place was wanted; it is gone as soon as the library has noticed.
  var isEnded: Bool { state.withLock { $0.isEnded } }

  /// Others want its place. false: it is not silent any more.
  func endSilence() -> Bool {
    state.withLock { state in
      guard case .idle = state.phase, !state.isClosed, !state.isEnded else { return false }
      // A request has come, and the library has not looked at it as yet.
      var byte: UInt8 = 0
      if recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) > 0 { return false }
      state.isEnded = true
      shutdown(descriptor, Int32(SHUT_RDWR))
      return true
    }
  }

  /// Whether a stop should wait for it. A stream with nothing to send at present may be ended.
  var isBusy: Bool {
    state.withLock { state in
      switch state.phase {
      case .idle, .cut: false
      case .sending(let feed?): !feed.isWaiting
      case .head, .body, .refusing, .waiting, .ready, .sending(nil): true
      }
    }
  }

  /// The server stops: nothing is suspended from here on, and what is suspended goes on and ends.
  func abandon() {
    state.withLock { state in
      state.isStopping = true
      switch state.phase {
      case .waiting(isSuspended: true):
        state.phase = .cut
        MHD_resume_connection(handle)
      case .sending(let feed?): feed.abandon()
      case .idle, .head, .body, .refusing, .cut, .waiting, .ready, .sending(nil): break
      }
    }
  }
}

/// Whether the other side will send nothing more and all it sent was read.
func isAtEnd(_ descriptor: Int32) -> Bool {
  var byte: UInt8 = 0
  return recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 0
}

extension Period {
  static func + (a: Period, b: Period) -> Period { Period(nanoseconds: a.nanoseconds + b.nanoseconds) }
}
