import Protocol
import Synchronization
import System
import TestLoop
import Transport

/// The coordinator's end of the protocol, on a free port of loopback, saying what a test tells it to.
final class ScriptedCoordinator: Sendable {
  let thread: LoopThread
  let address: HostPort
  private let sessions = Box<ScriptedSession>()
  private let listener: Listener

  init(on address: HostPort = HostPort(host: "127.0.0.1", port: 0)) throws {
    let thread = try LoopThread()
    let sessions = self.sessions
    self.thread = thread
    let made = Box<Listener>()
    try thread.on { loop in
      made.put(
        try Listener(on: address, loop: loop) { socket in
          let session = ScriptedSession(FrameConnection(socket, on: loop))
          session.open()
          sessions.put(session)
        })
    }
    listener = made.take()
    self.address = listener.address
  }

  deinit { thread.loop.submit { [listener] in listener.close() } }

  /// The next agent that dials in, with its hello read.
  func accept() throws -> ScriptedSession { sessions.take() }
}

/// One connection of one agent. Output is acknowledged as it comes unless a test says otherwise.
final class ScriptedSession: Sendable {
  private let connection: FrameConnection
  private let messages = Box<ToCoordinator>()
  private let ends = Box<ConnectionEnd>()
  private let acknowledgesOutput = Mutex(true)
  private let heard = Atomic(0)
  /// Heartbeats that have come.
  var heartbeats: Int { heard.load(ordering: .relaxed) }

  init(_ connection: FrameConnection) { self.connection = connection }

  func open() {
    connection.raiseLimit()
    connection.onPayload = { [self] payload in
      for message in try! FramePayload.messages(payload, as: ToCoordinator.self) {
        switch message {
        case .heartbeat(let number):
          heard.add(1, ordering: .relaxed)
          send([.heartbeatAcknowledged(number)])
        case .output(let fence, let stream, let offset, let bytes):
          if acknowledgesOutput.withLock({ $0 }) {
            send([.outputAcknowledged(fence, stream, offset: offset + Int64(bytes.count))])
          }
        default: break
        }
        messages.put(message)
      }
    }
    connection.onClosed = { [self] in ends.put($0) }
    try! connection.open()
  }

  func send(_ messages: [ToAgent]) {
    var encoder = FrameEncoder(aloneLimit: FrameLimits.alonePayloadBytesToAgent)
    for message in messages { try! encoder.append(message) }
    connection.send(encoder.take())
  }

  func keepOutputUnacknowledged() { acknowledgesOutput.withLock { $0 = false } }

  /// What has come of that attempt, and what comes from now on.
  func acknowledgeOutput(_ fence: Fence) {
    acknowledgesOutput.withLock { $0 = true }
    send(OutputStream.allCases.map { .outputAcknowledged(fence, $0, offset: .max) })
  }
  func drop() { connection.close("dropped by the test") }
  func end() -> ConnectionEnd { ends.take() }

  /// The next message, heartbeats left out.
  func next() -> ToCoordinator {
    while true {
      let message = messages.take()
      if case .heartbeat = message { continue }
      return message
    }
  }

  func hello() -> ToCoordinator.Hello {
    guard case .hello(let hello) = next() else { preconditionFailure("no hello came first") }
    return hello
  }

  /// Answers the hello, and takes the list that follows.
  @discardableResult
  func welcome(leaseMilliseconds: Int64 = 300_000) -> [ToCoordinator.Held] {
    _ = hello()
    return answer(leaseMilliseconds: leaseMilliseconds)
  }

  /// Welcomes an agent whose hello is read, and takes the list that follows.
  @discardableResult
  func answer(leaseMilliseconds: Int64 = 300_000) -> [ToCoordinator.Held] {
    send([
      .welcome(
        .init(version: 1, epoch: Epoch(1), heartbeatMilliseconds: 1_000, leaseMilliseconds: leaseMilliseconds)
      )
    ])
    var held: [ToCoordinator.Held] = []
    while true {
      guard case .attempts(let some, let isLast) = next() else {
        preconditionFailure("no list after the welcome")
      }
      held += some
      if isLast { return held }
    }
  }

  /// What an attempt printed, and how it ended.
  struct Finished {
    var result: AttemptResult
    var stdout: [UInt8] = []
    var stderr: [UInt8] = []
    /// Whether the output had a jump.
    var isCut = false
    var isHandedBack = false
    var text: String { String(decoding: stdout, as: UTF8.self) }
  }

  /// Messages up to the end of `fence`, which is acknowledged.
  func finish(_ fence: Fence) -> Finished { finish([fence])[0] }

  /// Messages up to the last end of `fences`, each of which is acknowledged.
  func finish(_ fences: [Fence]) -> [Finished] {
    var finished: [Fence: Finished] = [:]
    var offsets: [Fence: [OutputStream: Int64]] = [:]
    var left = Set(fences)
    for fence in fences {
      finished[fence] = Finished(result: AttemptResult(rc: -99, start: .none, stop: .none))
    }
    while !left.isEmpty {
      let message = next()
      switch message {
      case .output(let fence, let stream, let offset, let bytes) where left.contains(fence):
        let expected = offsets[fence]?[stream] ?? 0
        precondition(offset >= expected, "output came twice on one connection")
        if offset > expected { finished[fence]!.isCut = true }
        // What follows a loss may be more than goes out unacknowledged.
        if finished[fence]!.isCut {
          send([.outputAcknowledged(fence, stream, offset: offset + Int64(bytes.count))])
        }
        offsets[fence, default: [:]][stream] = offset + Int64(bytes.count)
        if stream == .stdout { finished[fence]!.stdout += bytes } else { finished[fence]!.stderr += bytes }
      case .ended(let fence, let result) where left.contains(fence),
        .handedBack(let fence, let result?) where left.contains(fence):
        finished[fence]!.result = result
        if case .handedBack = message { finished[fence]!.isHandedBack = true }
        send([.endsAcknowledged([fence])])
        left.remove(fence)
      default: continue
      }
    }
    return fences.map { finished[$0]! }
  }

  func start(_ fence: Int64, _ job: Job, lease: TaskLease = .standard) {
    send([
      .start(
        .init(
          fence: Fence(fence), run: RunID(5), task: "task_0", number: AttemptNumber(2), job: job, lease: lease
        ))
    ])
  }

  /// Starts and waits for the end.
  func run(_ fence: Int64, _ job: Job) -> Finished {
    start(fence, job)
    return finish(Fence(fence))
  }

  /// Waits until that attempt runs.
  func started(_ fence: Int64) {
    while true {
      if case .started(Fence(fence), _) = next() { return }
    }
  }

  /// Waits until that attempt has printed a line, and answers it.
  func line(_ fence: Int64) -> String {
    var text = ""
    while !text.hasSuffix("\n") {
      if case .output(Fence(fence), .stdout, _, let bytes) = next() {
        text += String(decoding: bytes, as: UTF8.self)
      }
    }
    return String(text.dropLast())
  }
}

func shell(
  _ text: String, timeout: Int32 = 0, grace: Int32? = nil, cores: Double = 1, memoryMB: Int64? = nil
) -> Job {
  Job(
    command: ["/bin/sh", "-c", text],
    needs: ResourceVector(milliCores: Int64(cores * 1000), memoryMB: memoryMB ?? 1),
    isMemoryStated: memoryMB != nil, timeoutSeconds: timeout, killGraceSeconds: grace)
}
