import Foundation
import Glibc
import Protocol
import SQLite
import Testing

@testable import Coordinator

/// Files that a crash, a disk or a person has damaged: all that was acknowledged is there, or the start is
/// refused.
@Suite struct DamagedFilesTests {
  /// A killed coordinator's folder, with eight commits told of; most of them are in the log only.
  private func killed() throws -> TemporaryDirectory {
    let folder = TemporaryDirectory()
    let store = try SQLiteStore(DataDirectory(folder.path), software: "test")
    _ = try store.open()
    for run in 0..<7 { try store.commit(Sample.submission(Int64(run), tasks: 6000)) }
    return try folder.crashCopy()
  }

  private func runs(_ folder: TemporaryDirectory) throws -> Int {
    try SQLiteStore(DataDirectory(folder.path), software: "test").open().runs.count
  }

  private func bytes(_ folder: TemporaryDirectory, _ name: String) -> [UInt8] {
    [UInt8](FileManager.default.contents(atPath: folder.file(name)) ?? Data())
  }

  private func put(_ bytes: [UInt8], _ folder: TemporaryDirectory, _ name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
  }

  /// Starts with all or is refused in words, and then leaves all as it was.
  private func startsWholeOrIsRefused(_ folder: TemporaryDirectory, _ what: String) throws -> Bool {
    let before = ["state.db", "state.db-wal"].map { bytes(folder, $0) }
    do throws(StoreFault) {
      let found = try SQLiteStore(DataDirectory(folder.path), software: "test").open().runs.count
      #expect(found == 7, "\(what): it starts with \(found) runs of 7")
      return true
    } catch {
      #expect(error.kind == .corrupt, "\(what): \(error)")
      #expect(error.message.contains("\(folder.path)/state.db"), "\(what): \(error)")
      #expect(error.message.contains("backup"), "\(what): \(error)")
      #expect(["state.db", "state.db-wal"].map { bytes(folder, $0) } == before, "\(what): it was changed")
      return false
    }
  }

  @Test func `a log that is cut short anywhere is refused, and read as far as it goes if that is asked for`()
    throws
  {
    let folder = try killed()
    let log = bytes(folder, "state.db-wal")
    #expect(log.count > 100_000)
    for size in [0, 1, 31, 32, 33, 4000, log.count / 2, log.count - 4121, log.count - 4120, log.count - 1] {
      try put(Array(log.prefix(size)), folder, "state.db-wal")
      #expect(try startsWholeOrIsRefused(folder, "cut to \(size) bytes") == false)
    }
    try put(log, folder, "state.db-wal")
    #expect(try startsWholeOrIsRefused(folder.crashCopy(), "whole"))
    try put(Array(log.prefix(log.count - 1)), folder, "state.db-wal")
    try FileManager.default.removeItem(atPath: folder.file("state.db-acknowledged"))
    #expect(try runs(folder) == 6)
  }

  @Test func `rubbish behind what was committed is passed over`() throws {
    for tail in [
      [0], Array(repeating: 0xAA, count: 9000), (0..<20_000).map { UInt8(truncatingIfNeeded: $0) },
    ] {
      let folder = try killed()
      try put(bytes(folder, "state.db-wal") + (tail as [UInt8]), folder, "state.db-wal")
      #expect(try startsWholeOrIsRefused(folder, "\(tail.count) bytes more"))
    }
  }

  @Test func `a bit that has flipped anywhere in the log is noticed`() throws {
    let folder = try killed()
    let log = bytes(folder, "state.db-wal")
    var dice = Dice(seed: 1)
    // In the log's head, in the last commit, and anywhere.
    let places =
      (0..<32).map { $0 } + (0..<30).map { _ in log.count - 1 - dice.below(12_000) }
      + (0..<30).map { _ in dice.below(log.count) }
    for place in places {
      var flipped = log
      flipped[place] ^= 1 << UInt8(dice.below(8))
      let copy = try folder.crashCopy()
      try put(flipped, copy, "state.db-wal")
      #expect(try startsWholeOrIsRefused(copy, "a bit of byte \(place) of \(log.count)") == false)
    }
  }

  @Test
  func `a log that somebody removed is noticed, and one that was moved into the database is not missed`()
    throws
  {
    let folder = try killed()
    let moved = try folder.crashCopy()
    try FileManager.default.removeItem(atPath: folder.file("state.db-wal"))
    #expect(try startsWholeOrIsRefused(folder, "removed") == false)
    do {
      // As by the program sqlite3.
      let shell = try Connection(path: moved.file("state.db"), .readWrite)
      shell.keepLogOnClose(false)
      try shell.execute("SELECT count(*) FROM run")
    }
    #expect(!FileManager.default.fileExists(atPath: moved.file("state.db-wal")))
    #expect(try startsWholeOrIsRefused(moved, "moved"))
  }

  @Test func `an orderly end and any number of starts are no loss`() throws {
    let folder = TemporaryDirectory()
    for run in 0..<5 {
      let store = try SQLiteStore(DataDirectory(folder.path), software: "test")
      #expect(try store.open().runs.count == run)
      try store.commit(Sample.submission(Int64(run)))
    }
  }

  @Test func `a database with damaged pages is refused in words`() throws {
    let folder = try killed()
    do {
      let store = try SQLiteStore(DataDirectory(folder.path), software: "test")
      _ = try store.open()
      #expect(try store.database.checkpoint(.truncate))
    }
    let whole = bytes(folder, "state.db")
    for (place, count) in [(0, 100), (20, 60), (4096, 4096), (2 * 4096, 50), (5 * 4096 + 3, 12)] {
      var damaged = whole
      for at in place..<place + count { damaged[at] = 0xC7 }
      let copy = try folder.crashCopy()
      try put(damaged, copy, "state.db")
      #expect(try startsWholeOrIsRefused(copy, "\(count) bytes at \(place)") == false)
    }
    for size in [whole.count / 2, 4096, 100] {
      let copy = try folder.crashCopy()
      try put(Array(whole.prefix(size)), copy, "state.db")
      #expect(try startsWholeOrIsRefused(copy, "cut to \(size)") == false)
    }
  }

  @Test func `output that was acknowledged and is lost is noticed, too`() throws {
    let folder = TemporaryDirectory()
    let logs = try LogWriter(DataDirectory(folder.path), software: "test")
    for fence in 1...5 {
      let piece = OutputPiece(LogStream(Fence(Int64(fence)), .stdout), offset: 0, Array("some output".utf8))
      _ = try logs.write([LogWork(pieces: [piece], then: {})])
    }
    let copy = try folder.crashCopy()
    let log = bytes(copy, "logs.db-wal")
    try put(Array(log.dropLast(10)), copy, "logs.db-wal")
    let fault = #expect(throws: StoreFault.self) {
      _ = try LogWriter(DataDirectory(copy.path), software: "test")
    }
    #expect(fault?.message.contains("logs.db holds 4 of the 5 commits that were acknowledged") == true)
  }

  @Test func `a file that holds no number of commits says nothing`() throws {
    let folder = try killed()
    try put(Array("rubbish".utf8), folder, "state.db-acknowledged")
    #expect(try runs(folder) == 7)
    #expect(
      String(decoding: bytes(folder, "state.db-acknowledged"), as: UTF8.self) == "00000000000000000009\n")
  }
}
