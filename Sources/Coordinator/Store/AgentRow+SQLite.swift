import Protocol
import SQLite

extension AgentRow {
  static let upsert: StaticString =
    """
    INSERT INTO agent VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT (id) DO UPDATE SET
      name = ?2, directory_id = ?3, boot_id = ?4, start_number = ?5, milli_cores = ?6, memory_mb = ?7,
      labels = ?8, state = ?9, software = ?10, last_seen = ?11
    """

  func bind(to statement: Statement) {
    statement.bind(1, id.value)
    statement.bind(2, name)
    statement.bind(3, incarnation.directoryID)
    statement.bind(4, incarnation.bootID)
    statement.bind(5, incarnation.startNumber)
    statement.bind(6, capacity.milliCores)
    statement.bind(7, capacity.memoryMB)
    var json = JSONWriter(capacity: 64)
    json.object { json in
      for (name, value) in labels.sorted(by: { $0.key < $1.key }) { json.member(name, value) }
    }
    statement.bind(8, String(decoding: json.bytes, as: UTF8.self))
    statement.bind(9, state.rawValue)
    statement.bind(10, software)
    statement.bind(11, lastSeen.nanoseconds)
  }

  init(_ row: Row) throws(SQLiteFault) {
    id = AgentID(try row.integer(0))
    name = row.text(1)
    incarnation = Incarnation(
      directoryID: row.text(2), bootID: row.text(3), startNumber: try row.integer(4))
    let milliCores: Int32 = try row.integer(5)
    let memoryMB: Int32 = try row.integer(6)
    capacity = ResourceVector(milliCores: Int64(milliCores), memoryMB: Int64(memoryMB))
    labels = try AgentRow.labels(row.text(7))
    state = try row.value(8)
    software = row.text(9)
    lastSeen = WallTime(nanoseconds: try row.integer(10))
  }

  /// By id.
  static func all(of database: Connection) throws(SQLiteFault) -> [AgentRow] {
    var rows: [AgentRow] = []
    try database.statement("SELECT * FROM agent ORDER BY id").each { row throws(SQLiteFault) in
      rows.append(try AgentRow(row))
    }
    return rows
  }

  private static func labels(_ text: String) throws(SQLiteFault) -> [String: String] {
    var labels: [String: String] = [:]
    do {
      try Array(text.utf8).withUnsafeBufferPointer { bytes throws(JSONFault) in
        var reader = JSONReader(bytes)
        try reader.object { reader, name throws(JSONFault) in
          labels[reader.string(name)] = try reader.string()
        }
      }
    } catch {
      throw .corrupt("an agent's labels are no JSON object of strings: \(text)")
    }
    return labels
  }
}
