import Simulator
import Testing

/// Histories in which something was broken once, as the simulator printed them, each with what shows that it still
/// goes the way that led there.
@Suite("Histories that broke something")
struct FoundHistoryTests {
  private func log(of text: String) throws -> [String] {
    let history = try #require(History(text: text))
    var world = World(check: .full, isLogging: true)
    let outcome = world.run(history)
    #expect(outcome.violation == nil)
    return outcome.log.map { String($0.split(separator: " ", maxSplits: 2).last ?? "") }
  }

  @Test func `an agent that is told to stop while its coordinator dies hands in what it had ended`() throws {
    let log = try log(
      of:
        "52: 1000 submit d85e6d66, 3026254 crashAgent 84f6413e, 4530121 cutBothWays 432762e7, 16868195 stopAgent b0513367, 17686518 crashCoordinator fe8d7bca"
    )
    let ends = try #require(
      log.firstIndex(of: " agent0: attempt 2 of task7 of run 0 (dispatch 10) ends, exit(code: 0)"))
    let dies = try #require(log[ends...].firstIndex(of: " the coordinator's process dies"))
    let leaves = try #require(log[dies...].firstIndex(of: " agent0 leaves"))
    #expect(!log[leaves...].contains { $0.contains("attempt 3 of task7") })
  }

  @Test func `an agent whose link ended a task with a time limit rests once it continues`() throws {
    let log = try log(
      of:
        "13242: 1000 submit 95de6734, 4434816 submit b0a385eb, 11966318 flappingLink 79aa359f, 46226722 replaceProgram 19de063e, 85070986 submit 8fa61603, 105214788 freezeAgent b0c0c149, 105695932 submit 84c6007d, 138250964 crashCoordinator 1e774f32"
    )
    let taken = try #require(log.firstIndex(of: " another program takes over from agent1's"))
    let ended = try #require(log[taken...].firstIndex(of: " agent1's link ends what its runner does not"))
    #expect(log[ended...].contains(" agent1 continues"))
  }
}
