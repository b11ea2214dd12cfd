import Foundation
import System
import Testing

@testable import Coordinator

@Suite struct ReadinessRoutesTests {
  @Test func `a full disk is told where readiness is, which goes on`() throws {
    let served = try ServedStore()
    #expect(try served.ask("GET", "/ready").json()["diskFull"] == nil)
    served.heard.with { $0.isDiskFull = true }
    let answer = served.ask("GET", "/ready")
    #expect(answer.status == 200)
    #expect(try answer.json()["diskFull"] as? Bool == true)
  }
}
