import Foundation
import SQLite

@testable import Coordinator

/// All rows of all tables of a database, as one number.
func digest(_ database: Connection) throws -> Int {
  var tables: [String] = []
  try database.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_version' ORDER BY name"
  )
  .each { row throws(SQLiteFault) in tables.append(row.text(0)) }
  var hasher = Hasher()
  for table in tables {
    var columns: [String] = []
    try database.prepare("SELECT name FROM pragma_table_info('\(table)')").each { row throws(SQLiteFault) in
      columns.append("quote(\(row.text(0)))")
    }
    hasher.combine(table)
    try database.prepare("SELECT \(columns.joined(separator: " || ',' || ")) FROM \(table)").each {
      row throws(SQLiteFault) in
      row.withBlob(0) { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
  }
  return hasher.finalize()
}
