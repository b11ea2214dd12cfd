import Protocol
import Testing

@testable import Coordinator

@Suite struct BelievedClockTests {
  private static let hour: Int64 = 3_600_000_000_000
  private func wall(_ hours: Int64) -> WallTime { WallTime(nanoseconds: hours * Self.hour) }
  private func at(_ hours: Int64) -> Instant { Instant(nanoseconds: hours * Self.hour) }

  @Test func `a clock that runs on, or is set back, is believed`() {
    var clock = BelievedClock(wall(1000), at: at(0))
    #expect(clock.time(wall(1001), at: at(1)) == wall(1001))
    #expect(clock.time(wall(900), at: at(2)) == wall(900))
    #expect(clock.time(wall(902), at: at(3)) == wall(902))
  }

  @Test func `a leap ahead is believed when it has stood for a day`() {
    var clock = BelievedClock(wall(1000), at: at(0))
    for hour: Int64 in 1..<24 { #expect(clock.time(wall(9000 + hour), at: at(hour)) == wall(1000 + hour)) }
    #expect(clock.time(wall(9024), at: at(24)) == wall(9024))
  }

  @Test func `a leap ahead that is mended leaves no trace`() {
    var clock = BelievedClock(wall(1000), at: at(0))
    #expect(clock.time(wall(9001), at: at(1)) == wall(1001))
    #expect(clock.time(wall(1002), at: at(2)) == wall(1002))
    #expect(clock.time(wall(9026), at: at(26)) == wall(9026), "over a day since it was believed last")
  }
}
