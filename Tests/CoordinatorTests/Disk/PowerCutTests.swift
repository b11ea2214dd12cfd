import Foundation
import SQLite
import Testing

@testable import Coordinator

/// The power goes at any point of a coordinator's writing: what was acknowledged is there afterwards, and
/// nothing half.
///
/// CARAVAN_POWER_CUTS: so many points (500); `scripts/torture disk` has the long form.
@Suite struct PowerCutTests {
  private static let points =
    ProcessInfo.processInfo.environment["CARAVAN_POWER_CUTS"].flatMap { Int($0) } ?? 500
  private static let pointsALife = 250
  private static let steps = 260

  @Test func `what is not synced before it is told is found out`() throws {
    let careless = try Life(seed: 0, steps: 40) { try $0.execute("PRAGMA synchronous = NORMAL") }
    var dice = Dice(seed: 0)
    var faults = 0
    for point in stride(from: 0, through: careless.operations, by: 20) {
      if try careless.found(after: point, seed: dice.roll(), &dice).fault != nil { faults += 1 }
    }
    #expect(faults > 0)
  }

  @Test(arguments: 0..<max(1, points / pointsALife))
  func `a power cut at any point loses nothing that was acknowledged`(life: Int) throws {
    let before = try Life(seed: UInt64(life), steps: Self.steps)
    var dice = Dice(seed: UInt64(life) << 32)
    let points = (0..<Self.pointsALife).map { _ in dice.below(before.operations + 1) }.sorted()
    var later = 0
    for point in points {
      let seed = dice.roll()
      let found = try before.found(after: point, seed: seed, &dice)
      if found.isLater { later += 1 }
      if let fault = found.fault {
        Issue.record(
          "life \(life), cut after \(point) of \(before.operations) operations, seed \(seed): \(fault)")
      }
    }
    print(
      "power cuts: \(points.count) points in \(before.operations) operations of \(before.commits) commits, "
        + "\(later) found a commit that nobody was told of")
  }
}

/// What a coordinator wrote in its life, and what its databases held after each commit.
private final class Life {
  private struct State {
    var digest: Int
    /// Of the folder, when the commit had returned.
    var operations: Int
    /// What stood in the file of acknowledged commits.
    var mark: String
  }

  private let folder = FaultyFolder(keeps: true)
  private var states: [State] = []
  private var logs: [State] = []
  var operations: Int { folder.operations }
  var commits: Int { states.count + logs.count }

  /// - Parameter prepare: done to the connections, once they are open.
  init(seed: UInt64, steps: Int, prepare: (Connection) throws -> Void = { _ in }) throws {
    var driven: DrivenCoordinator?
    let coordinator = try DrivenCoordinator(folder.path, seed: seed) { [self] committed in
      // The first comes from within the initializer.
      guard let driven else { return }
      try note(committed, driven)
    }
    driven = coordinator
    try prepare(coordinator.store.database)
    try prepare(coordinator.logs.database)
    try note(.state, coordinator)
    try note(.logs, coordinator)
    for _ in 0..<steps { try coordinator.step() }
    // The orderly end is part of the life.
    driven = nil
  }

  private func note(_ committed: DrivenCoordinator.Committed, _ coordinator: DrivenCoordinator) throws {
    switch committed {
    case .state: states.append(try state(coordinator.store.database, "state.db"))
    case .logs: logs.append(try state(coordinator.logs.database, "logs.db"))
    }
  }

  private func state(_ database: Connection, _ name: String) throws -> State {
    State(
      digest: try digest(database), operations: folder.operations,
      mark: (try? String(contentsOfFile: "\(folder.path)/\(name)-acknowledged", encoding: .utf8)) ?? "")
  }

  struct Found {
    var fault: String?
    /// A commit that had not returned was there all the same.
    var isLater = false
  }

  func found(after point: Int, seed: UInt64, _ dice: inout Dice) throws -> Found {
    // Before the first commit was told there is nothing to lose.
    guard let told = states.lastIndex(where: { $0.operations <= point }),
      let toldOfLogs = logs.lastIndex(where: { $0.operations <= point })
    else { return Found() }
    let left = folder.cut(after: point, seed: seed)
    // It is not synced: an older one may be there.
    func mark(_ states: [State], _ told: Int, _ name: String) throws {
      let at = dice.isOne(in: 2) ? told : dice.below(told + 1)
      try states[at].mark.write(
        toFile: "\(left.path)/\(name)-acknowledged", atomically: false, encoding: .utf8)
    }
    try mark(states, told, "state.db")
    try mark(logs, toldOfLogs, "logs.db")
    do {
      let directory = try DataDirectory(left.path)
      let store = try SQLiteStore(directory, software: "test")
      let writer = try LogWriter(directory, software: "test")
      let state = try digest(store.database)
      let log = try digest(writer.database)
      var found = Found()
      func place(_ digest: Int, _ states: [State], _ told: Int, _ name: String) {
        if digest == states[told].digest { return }
        found.isLater = true
        if told + 1 < states.count, digest == states[told + 1].digest { return }
        let at = states.firstIndex { $0.digest == digest }
        found.fault =
          "\(name) is \(at.map { "as after commit \($0)" } ?? "as it never was"), \(told) was told"
      }
      place(state, states, told, "state.db")
      place(log, logs, toldOfLogs, "logs.db")
      if found.fault == nil { found.fault = try Consistency.fault(of: store, logs: writer) }
      return found
    } catch {
      return Found(fault: "it does not start: \(error)")
    }
  }
}
