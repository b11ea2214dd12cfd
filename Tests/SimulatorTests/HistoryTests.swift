import Simulator
import Testing

@Suite("Histories")
struct HistoryTests {
  @Test(arguments: 0..<4)
  func `what is promised holds in each, checked in full after every event`(block: UInt64) {
    var world = World(check: .full)
    for seed in block * 50..<block * 50 + 50 {
      let outcome = world.run(History(seed: seed))
      #expect(outcome.violation == nil, "seed \(seed)")
    }
  }

  @Test func `a seed gives the same history again, also in a world that has seen others`() {
    var used = World(isLogging: true)
    let first = used.run(History(seed: 7))
    _ = used.run(History(seed: 8))
    let again = used.run(History(seed: 7))
    var fresh = World(isLogging: true)
    #expect(again.log == first.log && again.events == first.events)
    #expect(fresh.run(History(seed: 7)).log == first.log)
  }

  @Test func `they have some three hundred events, most of them neither timers nor heartbeats`() {
    var figures = Figures()
    var world = World()
    for seed in 0..<200 { figures.add(world.run(History(seed: UInt64(seed))), seed: UInt64(seed)) }
    #expect(figures.violations == 0)
    #expect((250..<450).contains(figures.events / figures.histories))
    #expect(figures.timers * 10 < figures.events * 6)
  }

  @Test func `one is written in a line and read back`() {
    let history = History(seed: 12)
    #expect(History(text: history.text) == history)
    for text in [
      "", "12", "x: 1 submit 0", "12: 1 submit", "12: 1 dance 0", "12: -1 submit 0", "12: 1 submit z",
    ] {
      #expect(History(text: text) == nil, "\(text)")
    }
  }

  @Test func `of a failing one only the steps that it needs to fail are left`() {
    let history = History(seed: 3, events: 600)
    let needed: Set<Int> = [2, history.steps.count / 2, history.steps.count - 1]
    let steps = needed.sorted().map { history.steps[$0] }
    var tries = 0
    let shortest = history.shortest { candidate in
      tries += 1
      return steps.allSatisfy(candidate.steps.contains)
    }
    #expect(shortest.steps == steps)
    #expect(tries < history.steps.count * 10)
  }

  @Test func `one that does not fail is left as it is`() {
    let history = History(seed: 3)
    #expect(history.shortest { _ in false } == history)
  }

  @Test func `what ships has none of the deliberate bugs`() {
    #expect(PlantList.all.isEmpty)
    #expect(!PlantList.switchOn("no-fence"))
  }
}
