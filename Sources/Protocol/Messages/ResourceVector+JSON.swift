extension ResourceVector {
  /// `{"milliCores": 1500, "memoryMB": 2048}`: thousandths of a core, MB.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("milliCores", milliCores)
    writer.member("memoryMB", memoryMB)
    writer.endObject()
  }

  public init(reading reader: inout JSONReader) throws(JSONFault) {
    var members = MessageMembers(of: "an amount of resources")
    var milliCores: Int64?
    var memoryMB: Int64?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "milliCores") {
        milliCores = try Self.lane(&reader)
      } else if reader.text(name, is: "memoryMB") {
        memoryMB = try Self.lane(&reader)
      } else {
        return false
      }
      return true
    }
    self.init(
      milliCores: try members.require(milliCores, "milliCores"),
      memoryMB: try members.require(memoryMB, "memoryMB"))
  }

  private static func lane(_ reader: inout JSONReader) throws(JSONFault) -> Int64 {
    _ = try reader.peek()
    let start = reader.offset
    let value = try reader.count()
    guard value <= most else {
      throw JSONFault(offset: start, message: "at most \(most) should stand here")
    }
    return value
  }
}
