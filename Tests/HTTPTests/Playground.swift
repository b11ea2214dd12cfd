import HTTP
import Protocol
import System

/// A responder with a way of answering for each thing that a server must get right.
final class Playground: Responder {
  struct Held {
    var replies: [Reply] = []
    var isRefused: [String] = []
    var requests: [Request] = []
    var closed = 0
    var asked = 0
    var wake: (@Sendable () -> Void)?
  }
  let held = Monitor(Held())

  func admit(_ head: Request) -> Response? {
    held.with { $0.requests.append(head) }
    return head.segments.first == "refused" ? Problem(403, "not this one").response : nil
  }

  func respond(to request: Request, _ reply: Reply) {
    switch request.segments.first {
    case "echo": reply(Response(status: 200, body: .bytes(request.body)))
    case "path":
      reply(Response(status: 200, body: .bytes(Array(request.segments.joined(separator: "|").utf8))))
    case "query":
      let pairs = request.query.map { "\($0.name)=\($0.value)" }
      reply(Response(status: 200, body: .bytes(Array(pairs.joined(separator: "|").utf8))))
    case "thread": _ = Thread(name: "late") { reply(Response(status: 200, body: .bytes(request.body))) }
    case "twice":
      reply(Response(status: 200, body: .bytes(Array("first".utf8))))
      reply(Response(status: 200, body: .bytes(Array("second".utf8))))
    case "held": held.signal { $0.replies.append(reply) }
    case "count":
      reply(
        Response(
          status: 200,
          body: .stream(
            Counting(self, to: Int(request.query("to")!)!, failsAt: request.query("fail").flatMap { Int($0) })
          )))
    case "quiet": reply(Response(status: 200, body: .stream(Quiet(self))))
    case "big": reply(Response(status: 200, body: .bytes([UInt8](repeating: 7, count: 3_000_000))))
    default: reply(Problem(404, "no such thing").response)
    }
  }

  /// Waits until `ready` holds.
  func wait(until ready: (Held) -> Bool) -> Bool {
    held.wait(upTo: .seconds(20), until: ready) { ready($0) }
  }
}

/// Numbers, a line each; every third piece is handed over only after another thread's wake-up, which comes
/// before, during or after the suspension as chance has it.
final class Counting: BodySource {
  private let playground: Playground
  private let end: Int
  private let failsAt: Int?
  private let state = Monitor((next: 0, wasLate: false))

  init(_ playground: Playground, to end: Int, failsAt: Int?) {
    self.playground = playground
    self.end = end
    self.failsAt = failsAt
  }

  func next(wake: @escaping @Sendable () -> Void) -> BodyPiece {
    let isLate = state.with { state in
      if state.next % 3 == 2, !state.wasLate {
        state.wasLate = true
        return true
      }
      state.wasLate = false
      return false
    }
    if isLate {
      _ = Thread(name: "waker") { wake() }
      return .later
    }
    let n = state.with { state in
      defer { state.next += 1 }
      return state.next
    }
    if n == failsAt { return .failed }
    return n == end ? .end : .bytes(Array("\(n)\n".utf8))
  }

  func close() { playground.held.signal { $0.closed += 1 } }
}

/// One line, then nothing until it is woken, then the end.
final class Quiet: BodySource {
  private let playground: Playground
  init(_ playground: Playground) { self.playground = playground }

  func next(wake: @escaping @Sendable () -> Void) -> BodyPiece {
    var piece = BodyPiece.later
    playground.held.signal { held in
      held.asked += 1
      if held.asked == 1 { piece = .bytes(Array("begun\n".utf8)) }
      if held.wake != nil, held.asked > 1_000_000 { piece = .end }
      held.wake = wake
    }
    return piece
  }

  func close() { playground.held.signal { $0.closed += 1 } }
}
