import CSystem
import Glibc
import Protocol
import Synchronization
import System
import TestLoop
import Testing
import Transport

/// Two connections over loopback, each told of by a box.
private final class Pair: Sendable {
  let thread: LoopThread
  let left: FrameConnection
  let right: FrameConnection
  let toLeft = Box<[UInt8]>()
  let toRight = Box<[UInt8]>()
  let leftEnd = Box<ConnectionEnd>()
  let rightEnd = Box<ConnectionEnd>()

  init(limits: FrameConnection.Limits = .init()) throws {
    thread = try LoopThread()
    let sockets = Box<Int32>()
    let address = try thread.on { loop in
      nonisolated(unsafe) var listener: Listener?
      listener = try Listener(on: HostPort("127.0.0.1:0"), loop: loop) {
        sockets.put($0.release())
        listener?.close()
        listener = nil
      }
      return listener!.address
    }
    let dialed = Box<Int32>()
    _ = try thread.on { loop in
      _ = Dial(address, on: loop) { outcome in
        switch consume outcome {
        case .connected(let socket): dialed.put(socket.release())
        case .failed(let error): preconditionFailure(error.message)
        }
      }
    }
    let (a, b) = (dialed.take(), sockets.take())
    left = FrameConnection(FileDescriptor(owning: a), on: thread.loop, limits: limits)
    right = FrameConnection(FileDescriptor(owning: b), on: thread.loop, limits: limits)
  }

  func open() throws {
    try thread.on { [left, right, toLeft, toRight, leftEnd, rightEnd] _ in
      left.onPayload = { toLeft.put($0) }
      right.onPayload = { toRight.put($0) }
      left.onClosed = { leftEnd.put($0) }
      right.onClosed = { rightEnd.put($0) }
      try left.open()
      try right.open()
    }
  }

  func raiseLimits() throws {
    try thread.on { [left, right] _ in
      left.raiseLimit()
      right.raiseLimit()
    }
  }
}

private func frame(_ payload: [UInt8]) -> [UInt8] {
  let n = payload.count
  return [UInt8(n >> 24 & 255), UInt8(n >> 16 & 255), UInt8(n >> 8 & 255), UInt8(n & 255)] + payload
}

struct FrameConnectionTests {
  @Test func `payloads arrive whole and in order`() throws {
    let pair = try Pair()
    try pair.open()
    for i in 0..<100 { pair.left.send(frame([UInt8](repeating: UInt8(i), count: i + 1))) }
    for i in 0..<100 { #expect(pair.toRight.take() == [UInt8](repeating: UInt8(i), count: i + 1)) }
    pair.right.send(frame([7]))
    #expect(pair.toLeft.take() == [7])
  }

  @Test func `what is sent before the connection is open goes out when it opens`() throws {
    let pair = try Pair()
    pair.left.send(frame([1, 2]))
    try pair.open()
    #expect(pair.toRight.take() == [1, 2])
  }

  @Test func `a frame over the limit before the hello ends the connection`() throws {
    let pair = try Pair()
    try pair.open()
    pair.left.send(frame([UInt8](repeating: 0, count: FrameLimits.payloadBytesBeforeHello + 1)))
    #expect(pair.rightEnd.take().code == .badFrame)
    #expect([.closedByPeer, .lost].contains(pair.leftEnd.take().code))
  }

  @Test func `after the hello a frame may be as large as the protocol allows`() throws {
    let pair = try Pair()
    try pair.open()
    try pair.raiseLimits()
    let large = (0..<FrameLimits.payloadBytes).map { UInt8(truncatingIfNeeded: $0) }
    pair.left.send(frame(large))
    #expect(pair.toRight.take() == large)
  }

  @Test(arguments: [[0, 0, 0, 0], [0x80, 0, 0, 0], Array("GET / HTTP/1.1\r\n\r\n".utf8)] as [[UInt8]])
  func `an empty frame, one of 2 GiB and garbage end the connection with a reason`(bytes: [UInt8]) throws {
    let pair = try Pair()
    try pair.open()
    pair.left.send(bytes)
    let end = pair.rightEnd.take()
    #expect(end.code == .badFrame)
    #expect(!end.message.isEmpty)
  }

  @Test func `half a frame and silence ends the connection`() throws {
    var limits = FrameConnection.Limits()
    limits.frameTime = .milliseconds(50)
    let pair = try Pair(limits: limits)
    try pair.open()
    pair.left.send([0, 0, 0, 9, 1, 2])
    #expect(pair.rightEnd.take().code == .tooSlow)
  }

  @Test func `silence where a payload is awaited ends the connection`() throws {
    let pair = try Pair()
    try pair.open()
    try pair.thread.on { [right = pair.right] _ in
      right.expectPayload(within: .milliseconds(30), orSay: "no hello came")
    }
    #expect(pair.rightEnd.take() == ConnectionEnd(.tooSlow, "no hello came"))
  }

  @Test func `control passes logs that wait for a reader that is slow`() throws {
    let pair = try Pair()
    try pair.open()
    try pair.raiseLimits()
    try pair.thread.on { [right = pair.right] _ in right.pauseReading() }
    let log = [UInt8](repeating: 1, count: 500_000)
    var logs = 0
    // Until the sockets' own buffers are full and something waits here.
    repeat {
      pair.left.send(frame(log), .logs)
      logs += 1
    } while pair.left.waitingBytes == 0
    for _ in 0..<4 { pair.left.send(frame(log), .logs) }
    logs += 4
    pair.left.send(frame([2]))
    try pair.thread.on { [right = pair.right] _ in right.resumeReading() }
    var order: [UInt8] = []
    for _ in 0...logs { order.append(pair.toRight.take()[0]) }
    let place = try #require(order.firstIndex(of: 2))
    #expect(place < logs - 3)
    #expect(order.count(where: { $0 == 1 }) == logs)
  }

  @Test func `a reader that never reads costs its own connection only`() throws {
    var limits = FrameConnection.Limits()
    limits.outgoingBytes = 8 << 20
    let pair = try Pair(limits: limits)
    try pair.open()
    try pair.raiseLimits()
    try pair.thread.on { [right = pair.right] _ in right.pauseReading() }
    let block = frame([UInt8](repeating: 1, count: 1 << 20))
    for _ in 0..<64 { pair.left.send(block) }
    #expect(pair.leftEnd.take().code == .overflow)
  }

  @Test func `nothing is sent behind what was dropped`() throws {
    let thread = try LoopThread()
    var sockets: [Int32] = [-1, -1]
    #expect(caravan_socketpair(&sockets) == 0)
    let ours = sockets[0]
    let theirs = FileDescriptor(owning: sockets[1])
    var limits = FrameConnection.Limits()
    limits.outgoingBytes = 1 << 20
    let connection = FrameConnection(FileDescriptor(owning: ours), on: thread.loop, limits: limits)
    let end = Box<ConnectionEnd>()
    let other = theirs.raw
    let received = try thread.on { _ in
      connection.onClosed = { end.put($0) }
      try connection.open()
      connection.send(frame([UInt8](repeating: 1, count: 2 << 20)))
      var bytes = [UInt8](repeating: 0, count: 4 << 20)
      while recv(other, &bytes, bytes.count, Int32(MSG_DONTWAIT)) > 0 {}
      // The reader is there again, before the connection is closed on this thread.
      connection.send(frame([2]))
      connection.ready(ours, .writable)
      return recv(other, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    }
    #expect(received == -1)
    #expect(end.take().code == .overflow)
  }

  @Test func `last words arrive before the connection ends`() throws {
    let pair = try Pair()
    try pair.open()
    // Unread bytes on the finishing side would reset a connection that is simply closed.
    pair.left.send(frame([9]))
    _ = pair.toRight.take()
    for _ in 0..<50 { pair.left.send(frame([9])) }
    pair.right.send(frame(Array("refused".utf8)))
    pair.right.finish("refused")
    #expect(pair.toLeft.take() == Array("refused".utf8))
    #expect(pair.leftEnd.take().code == .closedByPeer)
    #expect(pair.rightEnd.take() == ConnectionEnd(.closed, "refused"))
  }

  @Test func `many threads may send at once`() throws {
    let pair = try Pair()
    try pair.open()
    let left = pair.left
    let threads = (0..<4).map { number in
      Thread(name: "sender") {
        for i in 0..<2_000 { left.send(frame([UInt8(number), UInt8(i >> 8), UInt8(i & 255)])) }
      }
    }
    var next = [0, 0, 0, 0]
    for _ in 0..<8_000 {
      let payload = pair.toRight.take()
      #expect(Int(payload[1]) << 8 | Int(payload[2]) == next[Int(payload[0])])
      next[Int(payload[0])] += 1
    }
    for thread in threads { thread.join() }
  }
}
