import Protocol
import Scheduling
import Testing

@testable import Coordinator

@Suite struct AnteroomTests {
  private func id(_ number: Int64) -> SessionID { SessionID(number) }

  @Test func `beyond all that may wait the one that has waited longest goes`() {
    var room = Anteroom(.init(all: 3, perAddress: 3))
    for number: Int64 in 1...3 { #expect(room.enter(id(number), from: "h\(number)") == nil) }
    #expect(room.enter(id(4), from: "h4") == id(1))
    #expect(room.enter(id(5), from: "h5") == id(2))
    #expect(room.count == 3)
  }

  @Test func `an address that has its part takes nobody else's place`() {
    var room = Anteroom(.init(all: 4, perAddress: 2))
    #expect(room.enter(id(1), from: "quiet") == nil)
    #expect(room.enter(id(2), from: "loud") == nil)
    #expect(room.enter(id(3), from: "loud") == nil)
    for number: Int64 in 4...50 { #expect(room.enter(id(number), from: "loud") == id(number - 2)) }
    #expect(room.count == 3)
    #expect(room.leaveFirst() == id(1))
  }

  @Test func `who was let in or has gone leaves its place`() {
    var room = Anteroom(.init(all: 2, perAddress: 2))
    _ = room.enter(id(1), from: "a")
    _ = room.enter(id(2), from: "a")
    room.leave(id(1))
    room.leave(id(1))
    #expect(room.enter(id(3), from: "a") == nil)
    #expect(room.leaveFirst() == id(2) && room.leaveFirst() == id(3) && room.leaveFirst() == nil)
  }

  @Test func `where few connections may be open few may wait`() {
    #expect(Anteroom.Limits(connections: 100) == Anteroom.Limits(all: 25, perAddress: 12))
    #expect(Anteroom.Limits(connections: 60_000) == Anteroom.Limits(all: 1024, perAddress: 512))
    #expect(Anteroom.Limits(connections: 1) == Anteroom.Limits(all: 2, perAddress: 1))
  }
}

@Suite struct JournalThrottleTests {
  @Test func `what happens again and again is said once in a while, with how often it was not said`() {
    var throttle = JournalThrottle()
    var said: [String] = []
    for second: Int64 in 100..<125 {
      throttle.say("it \(second)", at: Instant(nanoseconds: second * 1_000_000_000)) { said.append($0) }
    }
    #expect(said == ["it 100", "it 110 (and 9 more like it since)", "it 120 (and 9 more like it since)"])
  }
}
