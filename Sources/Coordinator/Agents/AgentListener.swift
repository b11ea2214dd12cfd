import Protocol
import Scheduling
import Synchronization
import System
import Transport

/// The agents' port: takes connections and makes a session of each, on an event loop with a thread of its own.
///
/// `@unchecked Sendable`: `loop` takes work from any thread, the listener is touched on its thread only.
final class AgentListener: @unchecked Sendable {
  let address: HostPort
  private let loop: EventLoop
  private let listener: Listener
  private let thread: Thread

  /// A taken port throws `.addressInUse`.
  init(
    on target: HostPort, token: [UInt8], epoch: Epoch, settings: AgentSettings, logs: AttemptLogs,
    engine: Engine
  ) throws(SystemError) {
    let loop = try EventLoop()
    let sessions = SessionCounter()
    let listener = try Listener(on: target, loop: loop) { socket in
      let connection = FrameConnection(socket, on: loop)
      AgentSession(
        id: sessions.next(), connection, on: loop, token: token, epoch: epoch, settings: settings, logs: logs,
        engine: engine
      ).open()
    }
    listener.onTrouble = { (trouble: SystemError) in Journal.say("agents' port: \(trouble)") }
    self.loop = loop
    self.listener = listener
    address = listener.address
    thread = Thread(name: "agents") { loop.run() }
  }

  /// Takes no more connections and ends those that are there; tasks go on at their agents.
  func stop() {
    loop.stop()
    thread.join()
  }
}

/// Numbers connections from 1.
private final class SessionCounter: Sendable {
  private let count = Mutex<Int64>(0)
  func next() -> SessionID {
    count.withLock { count in
      count += 1
      return SessionID(count)
    }
  }
}

/// What agents are told when they are welcome.
struct AgentSettings: Sendable {
  var lease = Period.seconds(300)
  /// Ten in a short lease, so that one that comes late does not end it.
  var heartbeat: Period { min(.seconds(5), lease.percent(10)) }
  /// From a connection's first moment to its hello.
  var helloTime = Period.seconds(10)
}
