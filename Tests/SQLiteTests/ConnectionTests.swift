import Foundation
import SQLite
import Testing

@Suite struct ConnectionTests {
  private final class Folder {
    let path: String
    init() {
      path = NSTemporaryDirectory() + "caravan-sqlite-" + UUID().uuidString
      try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func open(_ access: Connection.Access = .readWrite) throws(SQLiteFault) -> Connection {
      try Connection(path: path + "/a.db", access)
    }
  }

  private let folder = Folder()

  private func integers(_ database: Connection, _ sql: String) throws -> [Int] {
    var found: [Int] = []
    try database.prepare(sql).each { row throws(SQLiteFault) in found.append(try row.integer(0)) }
    return found
  }

  @Test func `every kind of value comes back as it was bound`() throws {
    let database = try folder.open()
    try database.execute("CREATE TABLE t (i INTEGER, n INTEGER, s TEXT, e TEXT, b BLOB, z BLOB, l BLOB)")
    let insert = try database.statement("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)")
    let long = [UInt8](repeating: 7, count: 100_000)
    insert.bind(1, Int64.min)
    insert.bind(2, nil as Int32?)
    insert.bind(3, "naïve \u{1F42B} 'quoted'")
    insert.bind(4, "")
    insert.bind(5, [0, 255, 0])
    insert.bind(6, [] as [UInt8])
    try long.withUnsafeBufferPointer { bytes throws(SQLiteFault) in
      insert.bind(7, borrowed: bytes)
      try insert.run()
    }
    let count = try database.statement("SELECT * FROM t").first { row throws(SQLiteFault) in
      #expect(try row.integer(0) == Int64.min)
      #expect(try row.optionalInteger(1, as: Int.self) == nil)
      #expect(row.text(2) == "naïve \u{1F42B} 'quoted'")
      #expect(!row.isNull(3) && row.text(3) == "")
      #expect(row.blob(4) == [0, 255, 0])
      #expect(!row.isNull(5) && row.blob(5) == [])
      #expect(row.withBlob(6) { $0.count } == long.count)
      return 1
    }
    #expect(count == 1)
  }

  @Test func `a number that does not fit is a fault, not a trap`() throws {
    let database = try folder.open()
    let fault = #expect(throws: SQLiteFault.self) {
      try database.statement("SELECT 3000000000 AS much").first { row throws(SQLiteFault) in
        try row.integer(0, as: Int32.self)
      }
    }
    #expect(fault?.kind == .corrupt)
    #expect(fault?.message.contains("much") == true)
  }

  @Test func `a transaction that throws leaves nothing and the connection usable`() throws {
    let database = try folder.open()
    try database.execute("CREATE TABLE t (i INTEGER PRIMARY KEY) STRICT")
    let fault = #expect(throws: SQLiteFault.self) {
      try database.transaction(.immediate) { () throws(SQLiteFault) in
        try database.execute("INSERT INTO t VALUES (1)")
        try database.execute("INSERT INTO t VALUES (1)")
      }
    }
    #expect(fault?.extendedCode == 1555, "SQLITE_CONSTRAINT_PRIMARYKEY")
    #expect(try integers(database, "SELECT i FROM t") == [])
    try database.transaction(.immediate) { () throws(SQLiteFault) in
      try database.execute("INSERT INTO t VALUES (2)")
    }
    #expect(try integers(database, "SELECT i FROM t") == [2])
  }

  @Test func `the same literal is compiled once and starts without old parameters`() throws {
    let database = try folder.open()
    func statement() throws -> Statement { try database.statement("SELECT ? IS NULL") }
    let first = try statement()
    first.bind(1, 5)
    #expect(try first.first { row throws(SQLiteFault) in row.boolean(0) } == false)
    #expect(try statement() === first)
    #expect(try first.first { row throws(SQLiteFault) in row.boolean(0) } == true)
  }

  @Test func `a parameter that is not there is told by the run`() throws {
    let statement = try folder.open().prepare("SELECT ?")
    statement.bind(2, 1)
    #expect(throws: SQLiteFault.self) { try statement.run() }
    statement.bind(1, 1)
    try statement.run()
  }

  @Test func `a fault names the statement and the remedy`() throws {
    try folder.open().execute("CREATE TABLE t (i)")
    let reader = try folder.open(.readOnly)
    let fault = #expect(throws: SQLiteFault.self) { try reader.execute("INSERT INTO t VALUES (1)") }
    #expect(fault?.kind == .notWritable)
    #expect(fault?.description.contains("INSERT INTO t") == true)
    #expect(fault?.description.contains("can be written") == true)
  }

  @Test func `opening what is no database, or not there, is a fault`() throws {
    #expect(throws: SQLiteFault.self) { try folder.open(.readOnly) }
    try Data(repeating: 65, count: 8192).write(to: URL(fileURLWithPath: folder.path + "/a.db"))
    let fault = #expect(throws: SQLiteFault.self) { try folder.open() }
    #expect(fault?.kind == .corrupt)
  }

  @Test func `only asking for it moves the log into the database`() throws {
    let database = try folder.open()
    try database.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (b BLOB)")
    for _ in 0..<30 { try database.execute("INSERT INTO t VALUES (randomblob(400000))") }
    #expect(database.logPages > 2000, "SQLite by itself would have begun anew at 1,000 pages")
    #expect(try database.checkpoint(.passive))
    try database.execute("INSERT INTO t VALUES (1)")
    #expect(database.logPages < 10)
  }

  @Test func `a checkpoint that a reader holds up is no fault, and a later one ends it`() throws {
    let database = try folder.open()
    try database.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (i)")
    let reader = try folder.open(.readOnly)
    try reader.execute("BEGIN; SELECT count(*) FROM t")
    try database.execute("INSERT INTO t VALUES (1)")
    #expect(try !database.checkpoint(.passive))
    #expect(try integers(reader, "SELECT count(*) FROM t") == [0])
    try reader.execute("COMMIT")
    #expect(try database.checkpoint(.passive))
    #expect(try integers(reader, "SELECT count(*) FROM t") == [1])
  }
}
