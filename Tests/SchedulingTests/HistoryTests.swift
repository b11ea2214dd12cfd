import Protocol
import Scheduling
import Testing

@Suite struct HistoryTests {
  @Test(arguments: 0..<8)
  func `whatever happens in whatever order, nothing is sent too early or twice, and all runs end`(block: Int)
  {
    for seed in UInt64(block * 100)..<UInt64(block * 100 + 100) {
      let (trouble, log) = history(seed)
      if !trouble.isEmpty {
        Issue.record(
          "seed \(seed): \(trouble.prefix(2)) after \(log.count) steps:\n\(log.filter { $0 != "heard" && $0 != "time passes" }.suffix(60).joined(separator: "\n"))"
        )
        return
      }
    }
  }

  /// 60 steps of anything, then all heals and every run must end.
  private func history(_ seed: UInt64) -> ([String], [String]) {
    var world = HistoryWorld(seed: seed)
    var submitted: Int64 = 0
    for _ in 0..<60 {
      step(&world, &submitted)
      if !world.trouble.isEmpty { return (world.trouble, world.log) }
    }
    heal(&world, runs: submitted)
    return (world.trouble, world.log)
  }

  private func step(_ world: inout HistoryWorld, _ submitted: inout Int64) {
    let a = world.random.below(world.agents.count)
    let run = RunID(Int64(world.random.below(Int(max(1, submitted)))))
    switch world.random.below(30) {
    case 0...2 where submitted < 3:
      world.submit(RunID(submitted))
      submitted += 1
    case 3...5 where world.agents[a].session == nil: world.connect(a)
    case 6...11: act(a, &world) { $0.start($1, $2) }
    case 12...18: act(a, &world) { $0.end($1, $2, rc: $0.random.below(4) == 0 ? 1 : 0) }
    case 19: world.pass(.seconds(Int64(world.random.below(8) == 0 ? 400 : world.random.below(10))))
    case 20: world.disconnect(a)
    case 21: world.restartAgent(a)
    case 22 where submitted > 0: world.command(.pause(run))
    case 23 where submitted > 0: world.command(.queue(run))
    case 24 where submitted > 0 && world.random.below(2) == 0: world.command(.kill(run))
    case 25 where submitted > 0: world.command(.killTask(run, anyTask(of: run, &world)))
    case 26 where submitted > 0:
      let downstream = world.random.below(2) == 0
      world.command(.queueTask(run, anyTask(of: run, &world), downstream: downstream))
    case 27: world.crash()
    case 28, 29: world.answerGenerator()
    default: break
    }
  }

  private func act(_ a: Int, _ world: inout HistoryWorld, _ body: (inout HistoryWorld, Int, Int) -> Void) {
    guard !world.agents[a].held.isEmpty else { return }
    body(&world, a, world.random.below(world.agents[a].held.count))
  }

  /// Of those that are not dropped.
  private func anyTask(of run: RunID, _ world: inout HistoryWorld) -> TaskIndex {
    let parts = world.kept.runs[run]!.parts.filter { !$0.isDropped && $0.graph.taskCount > 0 }
    let part = parts[world.random.below(parts.count)]
    return TaskIndex(part.firstTask.value + Int32(world.random.below(part.graph.taskCount)))
  }

  private func heal(_ world: inout HistoryWorld, runs: Int64) {
    // Tasks of two cores must fit somewhere.
    world.agents[0].capacity = ResourceVector(milliCores: 4000, memoryMB: 100)
    world.restartAgent(0)
    for a in world.agents.indices where world.agents[a].session == nil { world.connect(a) }
    for id in 0..<runs where world.kept.runs[RunID(id)]!.state == .paused { world.command(.queue(RunID(id))) }
    for _ in 0..<200 {
      if !world.trouble.isEmpty { return }
      if (0..<runs).allSatisfy({ world.kept.runs[RunID($0)]!.state.isFinal }) { return }
      world.answerGenerator()
      for a in world.agents.indices {
        while let i = world.agents[a].held.firstIndex(where: {
          if case .ended = $0.phase { false } else { true }
        }) {
          world.end(a, i, rc: 0)
        }
      }
      world.pass(.seconds(6))
    }
    world.trouble.append("a run does not end: \(world.kept.runs.mapValues(\.state))")
  }
}
