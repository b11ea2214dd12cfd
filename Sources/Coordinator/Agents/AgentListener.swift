import Protocol
import Scheduling
import System
import Transport

/// The agents' port: takes connections and makes a session of each, on an event loop with a thread of its own.
///
/// `@unchecked Sendable`: `loop` takes work from any thread; listener and door are touched on its thread only.
final class AgentListener: @unchecked Sendable {
  /// Bytes that may wait for one agent: what all slots of a large host begin with, each with the largest stdin.
  private static let outgoingBytes = 256 << 20

  let address: HostPort
  private let loop: EventLoop
  private let listener: Listener
  private let thread: Thread

  /// A taken port throws `.addressInUse`. `connections`: so many may be open.
  init(
    on target: HostPort, connections: Int, token: [UInt8], epoch: Epoch, settings: AgentSettings,
    logs: AttemptLogs, engine: Engine
  ) throws(SystemError) {
    let loop = try EventLoop()
    var limits = FrameConnection.Limits()
    limits.outgoingBytes = Self.outgoingBytes
    let door = AgentDoor(connections: connections) { (id, connection) in
      AgentSession(
        id: id, connection, on: loop, token: token, epoch: epoch, settings: settings, logs: logs,
        engine: engine)
    }
    let listener = try Listener(on: target, loop: loop) {
      door.take(FrameConnection($0, on: loop, limits: limits))
    }
    listener.onTrouble = { door.note("agents' port: \($0)") }
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

/// What agents are told when they are welcome.
struct AgentSettings: Sendable {
  var lease = Period.seconds(300)
  /// Ten in a short lease, so that one that comes late does not end it.
  var heartbeat: Period { min(.seconds(5), lease.percent(10)) }
  /// From a connection's first moment to its hello. It may have to go earlier: see `Anteroom`.
  var helloTime = Period.seconds(10)
}
