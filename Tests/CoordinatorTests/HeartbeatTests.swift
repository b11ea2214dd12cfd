import Protocol
import Testing

@testable import Coordinator

struct HeartbeatTests {
  @Test(arguments: [(lease: 10, heartbeat: 1), (lease: 30, heartbeat: 3), (lease: 300, heartbeat: 5)])
  func `an agent is asked for ten heartbeats in a short lease, and for one each 5 s in a long one`(
    lease: Int64, heartbeat: Int64
  ) {
    #expect(AgentSettings(lease: .seconds(lease)).heartbeat == .seconds(heartbeat))
  }
}
