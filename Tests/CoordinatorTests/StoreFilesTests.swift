import Foundation
import Glibc
import Protocol
import SQLite
import Scheduling
import Testing

@testable import Coordinator

/// The store's files: what a crash leaves, what is refused, and what fails.
@Suite struct StoreFilesTests {
  private let folder = TemporaryDirectory()

  private func open(_ folder: TemporaryDirectory) throws -> SQLiteStore {
    try SQLiteStore(DataDirectory(folder.path), software: "caravan-coordinator 0.1")
  }

  private func fault(_ body: () throws -> Void) -> StoreFault? {
    #expect(throws: StoreFault.self) { try body() }
  }

  @Test func `what a crash leaves is every commit that returned and no half one`() throws {
    let store = try open(folder)
    _ = try store.open()
    var copies: [TemporaryDirectory] = []
    for run in 0..<12 {
      try store.commit(Sample.submission(Int64(run), tasks: 20_000))
      // Some copies have all in the log, some have a part of it moved.
      if run == 5 { try store.database.checkpoint(.passive) }
      copies.append(try folder.crashCopy())
    }
    for (run, copy) in copies.enumerated() {
      let state = try open(copy).open()
      #expect(state.runs.map(\.row.run) == (0...run).map { RunID(Int64($0)) })
      #expect(state.runs.allSatisfy { $0.bytes.count == 20_000 })
      #expect(state.epoch == Epoch(2))
    }
  }

  @Test func `a log that was cut in the middle of a commit loses that commit alone`() throws {
    let store = try open(folder)
    _ = try store.open()
    try store.commit(Sample.submission(0, tasks: 20_000))
    let whole = try FileManager.default.attributesOfItem(atPath: folder.file("state.db-wal"))[.size] as! Int
    let before = try folder.crashCopy()
    try store.commit(Sample.submission(1, tasks: 20_000))
    let copy = try folder.crashCopy()
    #expect(truncate(copy.file("state.db-wal"), off_t(whole + 9000)) == 0)
    // The power failed before anybody was told.
    try copy.take("state.db-acknowledged", from: before)
    let state = try open(copy).open()
    #expect(state.runs.map(\.row.run) == [RunID(0)])
    #expect(state.nextRun == RunID(1))
  }

  /// As a program does at each of its starts.
  private func bring(_ schema: Schema, _ database: Connection, software: String) throws {
    let version = try schema.version(of: database, path: schema.name, software: software)
    try schema.bring(database, from: version, path: schema.name, software: software)
  }

  @Test func `a file of a newer program is refused by name and version`() throws {
    let newer = try Connection(path: folder.file("state.db"), .readWrite)
    try bring(Schema.state, newer, software: "caravan-coordinator 0.1")
    try newer.execute("INSERT INTO schema_version VALUES (99, 5, 'caravan-coordinator 9.0')")
    let refused = fault { _ = try open(folder) }
    #expect(refused?.kind == .unknownSchema)
    #expect(refused?.message.contains("schema 99, written by caravan-coordinator 9.0") == true)
    #expect(refused?.message.contains("knows up to 4") == true)
  }

  @Test func `another program's database is refused and left as it is`() throws {
    let foreign = try Connection(path: folder.file("state.db"), .readWrite)
    try foreign.execute("CREATE TABLE run (id INTEGER)")
    #expect(fault { _ = try open(folder) }?.kind == .unknownSchema)
    let tables = try foreign.prepare("SELECT count(*) FROM sqlite_schema").first {
      row throws(SQLiteFault) in try row.integer(0, as: Int.self)
    }
    #expect(tables == 1)
  }

  @Test func `a schema's history has a line for each version and is written once`() throws {
    var schema = Schema(name: "x.db", applicationID: 7, steps: ["CREATE TABLE a (i)"])
    let database = try Connection(path: folder.file("x.db"), .readWrite)
    try bring(schema, database, software: "first")
    schema.steps.append("ALTER TABLE a RENAME TO b")
    try bring(schema, database, software: "second")
    try bring(schema, database, software: "third")
    var lines: [String] = []
    try database.prepare("SELECT version || ' ' || software FROM schema_version, b ORDER BY version").run()
    try database.prepare("SELECT version || ' ' || software FROM schema_version ORDER BY version").each {
      row throws(SQLiteFault) in lines.append(row.text(0))
    }
    #expect(lines == ["1 first", "2 second"])
  }

  @Test func `a step that fails leaves the version before it`() throws {
    var schema = Schema(name: "x.db", applicationID: 7, steps: ["CREATE TABLE a (i)"])
    let database = try Connection(path: folder.file("x.db"), .readWrite)
    try bring(schema, database, software: "first")
    schema.steps.append("CREATE TABLE b (i); CREATE TABLE a (i)")
    #expect(throws: StoreFault.self) { try bring(schema, database, software: "second") }
    schema.steps[1] = "CREATE TABLE b (i)"
    try bring(schema, database, software: "third")
  }

  @Test func `a data directory has one coordinator, and the second is told which process has it`() throws {
    let first = try open(folder)
    let refused = fault { _ = try open(folder) }
    #expect(refused?.kind == .inUse)
    #expect(refused?.message.contains("in use by process \(getpid()):") == true)
    withExtendedLifetime(first) {}
  }

  @Test func `a data directory is free again when its holder is gone`() throws {
    do { _ = try open(folder).open() }
    #expect(try open(folder).open().epoch == Epoch(2))
  }

  @Test func `a new data directory and its files are the owner's alone`() throws {
    let path = folder.file("a/b/data")
    let store = try SQLiteStore(DataDirectory(path), software: "test 1")
    _ = try store.open()
    var found = stat()
    for (name, mode) in [
      ("", 0o700), ("/lock", 0o600), ("/state.db", 0o600), ("/state.db-wal", 0o600), ("/state.db-shm", 0o600),
    ] {
      #expect(stat(path + name, &found) == 0)
      #expect(found.st_mode & 0o777 == mode, "\(name)")
    }
  }

  @Test func `a data directory that cannot be is refused in words`() throws {
    // These fail for root, too.
    try Data().write(to: URL(fileURLWithPath: folder.file("file")))
    for path in [folder.file("file"), folder.file("file/data"), "/proc/caravan"] {
      let refused = fault { _ = try DataDirectory(path) }
      #expect(refused?.kind == .notWritable)
      #expect(refused?.message.contains(path.hasPrefix("/proc") ? "/proc/caravan" : folder.path) == true)
      #expect(refused?.message.contains("--data-dir") == true)
    }
    // It is there, and takes no files.
    let refused = fault { _ = try DataDirectory("/proc/self/fdinfo") }
    #expect(refused?.kind == .notWritable)
    #expect(refused?.message.contains("/proc/self/fdinfo cannot be written") == true)
  }

  @Test func `a write that the disk refuses is a fault, and what was committed before stays`() throws {
    let store = try open(folder)
    _ = try store.open()
    try store.commit(Sample.submission(0))
    // SQLite's own bound on the file's size gives SQLITE_FULL, as a full disk does.
    try store.database.execute("PRAGMA max_page_count = 40")
    let refused = fault { try store.commit(Sample.submission(1, tasks: 2_000_000)) }
    #expect(refused?.kind == .full)
    #expect(refused?.message.contains("free space") == true)
    #expect(try store.load(run: RunID(1))?.row.run == nil)
    #expect(try store.load(run: RunID(0))?.row.run == RunID(0))
  }

  @Test func `the schema itself refuses what cannot be`() throws {
    let store = try open(folder)
    _ = try store.open()
    try store.commit(Sample.submission(0))
    for impossible in [
      "UPDATE run SET state = 6", "UPDATE run SET queued = 2",
      "UPDATE run SET state = 3, running = 1, queued = 0",
      "UPDATE run SET labels = '[]'", "UPDATE run SET running = -1, queued = 2",
      "UPDATE run_state_change SET state = 1", "UPDATE document SET is_dropped = 1",
      "UPDATE document SET generator = 0", "UPDATE chunk SET bytes = zeroblob(4001)",
      "INSERT INTO attempt VALUES (0, 0, 0, 1, 0, 0, 0, 0, 0, 0, NULL, 0, 0, 0, 0, 0)",
      "INSERT INTO attempt VALUES (0, 0, 1, 1, 0, 7, 0, 0, 0, 0, NULL, 0, 0, 0, 0, 0)",
      "INSERT INTO attempt VALUES (0, 0, 1, 1, 0, 'x', 0, 0, 0, 0, NULL, 0, 0, 0, 0, 0)",
      "INSERT INTO attempt VALUES (0, 0, 1, 1, 0, 1, 0, 0, 0, 0, NULL, 0, 0, 0, 0, 1)",
    ] {
      let refused = #expect(throws: SQLiteFault.self) { try store.database.execute(impossible) }
      #expect(refused?.code == 19, "SQLITE_CONSTRAINT at \(impossible), not \(String(describing: refused))")
    }
  }

  @Test func `bytes that disagree with the attempts are told, not taken over`() throws {
    let store = try open(folder)
    _ = try store.open()
    var commit = Sample.submission(0)
    var alive = TaskByte(.running)
    alive.isAlive = true
    commit.chunks = Sample.chunks(0, [alive.raw])
    try store.commit(commit)
    #expect(fault { _ = try store.load(run: RunID(0)) }?.kind == .corrupt)
    commit = Commit()
    commit.chunks = Sample.chunks(0, [0x07])
    try store.commit(commit)
    #expect(fault { _ = try store.load(run: RunID(0)) }?.kind == .corrupt)
  }

  @Test func `a common attempt takes 45 bytes or less`() throws {
    let store = try open(folder)
    _ = try store.open()
    try store.commit(Sample.submission(0, tasks: 100_000))
    var commit = Commit()
    commit.attempts = (0..<100_000).map { .insert(Sample.ended(0, $0)) }
    try store.commit(commit)
    let bytes = try store.database.prepare("SELECT sum(payload) FROM dbstat WHERE name = 'attempt'").first {
      row throws(SQLiteFault) in try row.integer(0, as: Int.self)
    }
    #expect(try #require(bytes) / 100_000 <= 45)
  }
}
