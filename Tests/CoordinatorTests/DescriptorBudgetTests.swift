import HTTP
import System
import Testing

@testable import Coordinator

@Suite struct DescriptorBudgetTests {
  @Test(arguments: [160, 256, 1024, 20_000, 65_536])
  func `all kinds together never have more than the process may open`(limit: Int) throws {
    let budget = try DescriptorBudget(limit: limit)
    #expect(budget.rest + budget.lingering + budget.agents + DescriptorBudget.reserved == limit)
    #expect(budget.rest >= 16 && budget.agents >= 40 && budget.lingering >= 5)
    #expect(budget.rest <= HTTPLimits().connections && budget.lingering <= HTTPLimits().lingering)
  }

  @Test func `the databases with all their readers have their files`() {
    let readers = 2 * ReaderPool.connections
    let files = 2 * readers + 2 * 4 + 2 + 3 + 2 + 3 * HTTPLimits().threads + 2
    #expect(files * 4 / 3 <= DescriptorBudget.reserved)
  }

  @Test func `a limit too low to work with is refused in words`() {
    let error = #expect(throws: SystemError.self) { try DescriptorBudget(limit: 64) }
    #expect(error?.message.contains("may have 64 files open") == true)
    #expect(error?.message.contains("ulimit -n") == true)
  }
}
