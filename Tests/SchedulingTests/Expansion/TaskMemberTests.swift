import Protocol
import Scheduling
import Testing

/// What a task says beside its job and its edges.
@Suite struct TaskMemberTests {
  private func document(_ members: String) -> String {
    #"{"tasks":{"t":{"job":{"command":["x"]},\#(members)}}}"#
  }

  private func family(_ members: String) throws -> Family {
    try plan(document(members)).graph.families[0]
  }

  @Test func `its lost attempts and its lease are the coordinator's where it says nothing`() throws {
    let family = try family(#""maxRetries":1"#)
    #expect(family.maxLost == nil && family.lease == .standard && family.lease.seconds == nil)
  }

  @Test func `it says how often it may be lost, and its lease`() throws {
    let family = try family(#""maxLost":0,"leaseSeconds":3600"#)
    #expect(family.maxLost == 0 && family.lease.length == .seconds(3600))
    #expect(try self.family(#""leaseSeconds":0"#).lease == .endless)
    let layout = try RunLayout(document(#""maxLost":2,"leaseSeconds":0"#))
    #expect(try layout.shown("t").hasSuffix(#""isGenerator":false,"maxLost":2,"leaseSeconds":0}"#))
    #expect(layout.lease(try layout.index("t")) == .endless)
  }

  @Test(arguments: [1, 9, 604_801]) func `a lease that is too short or too long is refused in words`(
    seconds: Int
  ) {
    let found = faults(document(#""leaseSeconds":\#(seconds)"#))
    #expect(found.map(\.path) == ["/tasks/t/leaseSeconds"])
    #expect(found.first?.message == "a lease is 0 or from 10 to 604800 seconds, not \(seconds)")
  }

  @Test(arguments: ["-1", "1.5", "\"3\"", "null"]) func `what is no count is refused`(value: String) {
    #expect(faults(document(#""maxLost":\#(value)"#)).map(\.path) == ["/tasks/t/maxLost"])
    #expect(faults(document(#""leaseSeconds":\#(value)"#)).map(\.path) == ["/tasks/t/leaseSeconds"])
  }
}
