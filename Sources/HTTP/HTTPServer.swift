import CMicrohttpd
import Glibc
public import Protocol
import Synchronization
import System

/// Serves a `Responder` over HTTP/1.1.
///
/// libmicrohttpd parses, frames and drives the sockets with epoll on a few threads of its own; `HTTPConnection`
/// holds the limits it lacks (a whole request's time, refusals that a sending client can read) and the
/// hand-over to whoever answers later. A server of our own on the event loop would be one dependency less and
/// one parser of hostile bytes more. One further thread, "http-clock", keeps the time.
public final class HTTPServer: Sendable {
  /// Where it listens, with the port that was taken.
  public let address: ListenAddress
  private let core: HTTPServerCore

  /// Listens and serves at once. `stop` must be called before it is let go.
  public init(
    listen address: ListenAddress, limits: HTTPLimits = HTTPLimits(), responder: any Responder
  ) throws(HTTPError) {
    let (descriptor, bound) = try address.listen(backlog: SOMAXCONN)
    self.address = bound
    core = HTTPServerCore(listener: descriptor, limits: limits, responder: responder)
    do {
      try core.start()
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Takes no more connections, gives answers on their way up to `grace` to get out, cuts the others, and
  /// returns when no thread of it runs any more. Replies that come later go nowhere.
  public func stop(grace: Period = .seconds(5)) { core.stop(grace: grace) }
}

/// What the library's threads, the clock's thread and `stop` share.
///
/// `@unchecked Sendable`: `daemon` and `clock` are written by `start`, before any other thread is told of the
/// object, and read by the one `stop` that finds `isStopping` false.
final class HTTPServerCore: @unchecked Sendable {
  private struct Table {
    // Only ever walked as a whole: the order decides nothing.
    var connections: [ObjectIdentifier: HTTPConnection] = [:]
    var isAbandoning = false
    var isStopped = false
    var lingering: [LingeringSocket] = []
    var isWorthWatching: Bool { isStopped || !connections.isEmpty || !lingering.isEmpty }
  }

  let limits: HTTPLimits
  let responder: any Responder
  private let listener: Int32
  private let table = Monitor(Table())
  private let isStopping = Atomic(false)
  private var daemon: OpaquePointer?
  private var clock: Thread?

  init(listener: Int32, limits: HTTPLimits, responder: any Responder) {
    self.listener = listener
    self.limits = limits
    self.responder = responder
  }

  func start() throws(HTTPError) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    let flags = MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
    // The library's own idle time-out bounds only what our clock does not: a client that takes nothing.
    let writeSeconds = max(1, limits.writeTime.nanoseconds / 1_000_000_000)
    var options = [
      MHD_OptionItem(option: .LISTEN_SOCKET, value: Int(listener), ptr_value: nil),
      MHD_OptionItem(option: .THREAD_POOL_SIZE, value: limits.threads, ptr_value: nil),
      MHD_OptionItem(option: .CONNECTION_LIMIT, value: limits.connections, ptr_value: nil),
      MHD_OptionItem(option: .CONNECTION_MEMORY_LIMIT, value: Self.poolBytes, ptr_value: nil),
      MHD_OptionItem(option: .CONNECTION_TIMEOUT, value: Int(writeSeconds), ptr_value: nil),
      MHD_OptionItem(
        option: .NOTIFY_CONNECTION, value: caravan_mhd_connection(noteConnection), ptr_value: context),
      MHD_OptionItem(
        option: .NOTIFY_COMPLETED, value: caravan_mhd_completed(noteCompletion), ptr_value: context),
      MHD_OptionItem(option: .URI_LOG_CALLBACK, value: caravan_mhd_uri(noteTarget), ptr_value: context),
      MHD_OptionItem(option: .END, value: 0, ptr_value: nil),
    ]
    daemon = caravan_mhd_start(UInt32(flags), advanceRequest, context, &options)
    guard daemon != nil else {
      let words = String(cString: strerror(errno))
      throw HTTPError(code: .system, message: "the HTTP server did not start: \(words)")
    }
    clock = Thread(name: "http-clock") { [self] in watch() }
  }

  /// A connection's memory in the library: head, and buffers for both directions. Above `headBytes`, so that
  /// most heads that are too large get our own answer.
  private static let poolBytes = 64 << 10

  func opened(_ connection: HTTPConnection) {
    var others: [HTTPConnection] = []
    table.signal { table in
      if table.connections.count >= limits.connectionsKept { others = Array(table.connections.values) }
      table.connections[ObjectIdentifier(connection)] = connection
      if table.isAbandoning { connection.abandon() }
    }
    if !others.isEmpty { makeRoom(among: others) }
  }

  /// Ends the connection that has been silent longest, unless enough were ended already that are not gone as yet:
  /// else a crowd that comes faster than the library closes would push out those that have spoken.
  private func makeRoom(among connections: [HTTPConnection]) {
    let ended = connections.count { $0.isEnded }
    guard connections.count - ended >= limits.connectionsKept else { return }
    var silent = connections.compactMap { connection in
      connection.silence.map { (connection: connection, silence: $0) }
    }
    while let at = silent.indices.min(by: { silent[$0].silence < silent[$1].silence }) {
      if silent.remove(at: at).connection.endSilence() { return }
    }
  }

  func closed(_ connection: HTTPConnection) {
    table.with { _ = $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
    completed()
  }

  /// Keeps a socket open for a while that the library is about to close.
  func linger(_ socket: LingeringSocket) {
    table.signal { table in
      if !table.isAbandoning, table.lingering.count < limits.lingering {
        table.lingering.append(socket)
      }
    }
  }

  /// Something has ended that `stop` may wait for.
  func completed() {
    if isStopping.load(ordering: .sequentiallyConsistent) { table.signal { _ in } }
  }

  private func watch() {
    let shortest = min(limits.requestTime, limits.heartbeat, limits.refusedBodyTime)
    let tick = max(.milliseconds(5), min(.milliseconds(500), Period(nanoseconds: shortest.nanoseconds / 8)))
    while true {
      table.wait(until: \.isWorthWatching) { _ in }
      let (open, isStopped) = table.wait(upTo: tick, until: \.isStopped) {
        (Array($0.connections.values), $0.isStopped)
      }
      if isStopped { return }
      let now = Instant.now()
      for connection in open { connection.tick(now: now) }
      table.with { $0.lingering.removeAll { $0.isDone(now: now) } }
    }
  }

  func stop(grace: Period) {
    if isStopping.exchange(true, ordering: .sequentiallyConsistent) { return }
    _ = MHD_quiesce_daemon(daemon)
    let deadline = Instant.now() + grace
    while true {
      let left = deadline - .now()
      let open = table.with { Array($0.connections.values) }
      if left <= .zero || !open.contains(where: \.isBusy) { break }
      // What ends signals; a stream that begins to wait does not, so it is looked at again soon.
      table.wait(upTo: min(left, .milliseconds(20)), until: \.isStopped) { _ in }
    }
    let open = table.with { table in
      table.isAbandoning = true
      table.lingering = []
      return Array(table.connections.values)
    }
    for connection in open { connection.abandon() }
    MHD_stop_daemon(daemon)
    table.signal { $0.isStopped = true }
    clock?.join()
    close(listener)
  }
}
