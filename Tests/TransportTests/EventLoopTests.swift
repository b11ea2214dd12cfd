import Glibc
import Protocol
import System
import TestLoop
import Testing
import Transport

struct EventLoopTests {
  @Test func `timers fire in order of their time, and not when cancelled`() throws {
    let thread = try LoopThread()
    let fired = Box<Int>()
    try thread.on { loop in
      let now = Instant.now()
      loop.schedule(at: now + .milliseconds(30)) { fired.put(3) }
      let cancelled = loop.schedule(at: now + .milliseconds(10)) { fired.put(99) }
      loop.schedule(at: now + .milliseconds(20)) { fired.put(2) }
      loop.schedule(at: now) { fired.put(1) }
      loop.cancel(cancelled)
    }
    #expect([fired.take(), fired.take(), fired.take()] == [1, 2, 3])
  }

  @Test func `work from other threads is done in order`() throws {
    let thread = try LoopThread()
    let done = Box<Int>()
    for i in 0..<1_000 { thread.loop.submit { done.put(i) } }
    for i in 0..<1_000 { #expect(done.take() == i) }
  }

  @Test func `a port that is taken is said to be`() throws {
    let thread = try LoopThread()
    try thread.on { loop in
      let first = try Listener(on: HostPort("127.0.0.1:0"), loop: loop) { _ = $0.release() }
      #expect(first.address.port > 0)
      do throws(SystemError) {
        _ = try Listener(on: first.address, loop: loop) { _ = $0.release() }
        Issue.record("it was bound twice")
      } catch {
        #expect(error.code == .addressInUse)
      }
      first.close()
    }
  }

  @Test(arguments: ["[::1]:0", "localhost:0"])
  func `IPv6 and names are listened on and dialed`(text: String) throws {
    let thread = try LoopThread()
    let accepted = Box<Bool>()
    let dialed = Box<Bool>()
    try thread.on { loop in
      let target = try HostPort(text)
      let listener = try Listener(on: target, loop: loop) { socket in
        _ = consume socket
        accepted.put(true)
      }
      let real = HostPort(host: target.host, port: listener.address.port)
      _ = Dial(real, on: loop) { outcome in
        switch consume outcome {
        case .connected: dialed.put(true)
        case .failed: dialed.put(false)
        }
      }
    }
    #expect(dialed.take())
    #expect(accepted.take())
  }

  @Test func `nobody listening is told as a refused connection`() throws {
    let thread = try LoopThread()
    let outcome = Box<Int32>()
    try thread.on { loop in
      let listener = try Listener(on: HostPort("127.0.0.1:0"), loop: loop) { _ = $0.release() }
      let address = listener.address
      listener.close()
      loop.submit {
        // The listener is gone by now.
        loop.submit {
          _ = Dial(address, on: loop) {
            switch consume $0 {
            case .connected: outcome.put(0)
            case .failed(let error): outcome.put(error.errno)
            }
          }
        }
      }
    }
    #expect(outcome.take() == ECONNREFUSED)
  }
}
