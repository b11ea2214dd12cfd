import Foundation
import Protocol
import SQLite
import Testing

@testable import Coordinator

/// Writes and syncs that the disk refuses, at every place.
@Suite struct RefusedWriteTests {
  /// What two coordinators of one seed have in the end is the same, whatever one's disk did.
  private func outcome(
    seed: UInt64, steps: Int, _ mistreat: (FaultyFolder, DrivenCoordinator, inout Dice) -> Void
  )
    throws -> (digests: [Int], refused: Int)
  {
    let disk = FaultyFolder()
    let coordinator = try DrivenCoordinator(disk.path, seed: seed)
    var dice = Dice(seed: seed)
    for _ in 0..<steps {
      mistreat(disk, coordinator, &dice)
      try coordinator.step()
    }
    disk.mend()
    #expect(try Consistency.fault(of: coordinator.store, logs: coordinator.logs) == nil)
    return (
      [try digest(coordinator.store.database), try digest(coordinator.logs.database)], coordinator.refused
    )
  }

  @Test(arguments: 0..<4)
  func `a disk that is full at any write loses nothing, and takes the same afterwards`(seed: UInt64) throws {
    let smooth = try outcome(seed: seed, steps: 250) { _, _, _ in }
    let rough = try outcome(seed: seed, steps: 250) { disk, coordinator, dice in
      // One write or some in a row, soon or later; and where a try was refused, the next may be, too.
      disk.refuse(.write, nth: 1 + dice.below(12), count: 1 + dice.below(3), with: FaultyFolder.full)
    }
    #expect(rough.refused > 20)
    #expect(smooth.refused == 0 && rough.digests == smooth.digests)
  }

  @Test(arguments: [FaultyFolder.Operation.sync, .write])
  func `an I/O error is a fault that names file and cause, and the next start has all that was acknowledged`(
    operation: FaultyFolder.Operation
  ) throws {
    let code = operation == .sync ? FaultyFolder.syncError : FaultyFolder.writeError
    for nth in 1...14 {
      let disk = FaultyFolder()
      var digests: [Int] = []
      do {
        let store = try SQLiteStore(DataDirectory(disk.path), software: "test")
        _ = try store.open()
        try store.commit(Sample.submission(0))
        digests.append(try digest(store.database))
        disk.refuse(operation, of: "-wal", nth: nth, with: code)
        var run: Int64 = 1
        let fault = #expect(throws: StoreFault.self) {
          while true {
            try store.commit(Sample.submission(run, tasks: 9000))
            digests.append(try digest(store.database))
            run += 1
          }
        }
        #expect(fault?.kind == .failed)
        #expect(fault?.message.contains("writing \(disk.path)/state.db failed: disk I/O error in ") == true)
        #expect(fault?.message.contains(operation == .sync ? "fsync" : "write") == true)
        #expect(fault?.message.contains("kernel's log") == true)
      }
      disk.mend()
      let again = try SQLiteStore(DataDirectory(disk.path), software: "test")
      // A commit whose sync failed may be there: nobody was told of it.
      let found = try digest(again.database)
      if found != digests.last {
        #expect(operation == .sync)
        #expect(!digests.dropLast().contains(found))
      }
      #expect(try again.open().runs.count >= digests.count)
    }
  }

  @Test func `a log that cannot be moved for want of room is no fault, and is moved later`() throws {
    let disk = FaultyFolder()
    let store = try SQLiteStore(DataDirectory(disk.path), software: "test")
    _ = try store.open()
    disk.refuse(.write, of: "state.db", with: FaultyFolder.full)
    var run: Int64 = 0
    while store.database.logPages <= SQLiteStore.checkpointPages {
      try store.commit(Sample.submission(run, tasks: 30_000))
      run += 1
    }
    try store.tidy()
    #expect(disk.refusals > 0)
    let refusals = disk.refusals
    try store.tidy()
    #expect(disk.refusals == refusals, "it is not tried again at once")
    disk.mend()
    let pages = store.database.logPages
    #expect(try store.database.checkpoint(.passive))
    try store.commit(Sample.submission(run))
    #expect(store.database.logPages < pages)
  }

  @Test(
    arguments: [
      (10 | 19 << 8, 0, SQLiteFault.Kind.full), (10 | 3 << 8, 28, .full), (10 | 3 << 8, 122, .full),
      (10 | 3 << 8, 5, .io), (10 | 4 << 8, 28, .io), (13, 0, .full), (10 | 1 << 8, 5, .io),
    ] as [(Int32, Int32, SQLiteFault.Kind)])
  func `what is for want of room is told from what is broken`(
    code: Int32, systemError: Int32, kind: SQLiteFault.Kind
  ) {
    #expect(SQLiteFault(code: code, message: "", sql: "", systemError: systemError).kind == kind)
  }
}
