/// Reading one object of a message: unknown members are passed over (they may come with a later build of the
/// same version), missing ones are named.
struct MessageMembers {
  /// For the fault: "a result", "a started message".
  private var what: String
  private var offset = 0

  init(of what: String) { self.what = what }

  /// `member` answers whether it knows the name, and has then read its value.
  mutating func read(
    _ reader: inout JSONReader, _ member: (inout JSONReader, JSONReader.Text) throws(JSONFault) -> Bool
  ) throws(JSONFault) {
    if try reader.peek() != .object { throw reader.fault("\(what) should be an object") }
    offset = reader.offset
    try reader.object { (reader, name) throws(JSONFault) in
      if try !member(&reader, name) { try reader.skip() }
    }
  }

  func require<Value>(_ value: Value?, _ name: String) throws(JSONFault) -> Value {
    guard let value else { throw JSONFault(offset: offset, message: "\(what) needs \"\(name)\"") }
    return value
  }

  func fault(_ message: String) -> JSONFault { JSONFault(offset: offset, message: "\(what) \(message)") }

  /// A message that has a fence and nothing else.
  mutating func fenceAlone(_ reader: inout JSONReader) throws(JSONFault) -> Fence {
    var fence: Fence?
    try read(&reader) { (reader, name) throws(JSONFault) in
      guard reader.text(name, is: "fence") else { return false }
      fence = try reader.fence()
      return true
    }
    return try require(fence, "fence")
  }

  /// A message that has a number and nothing else.
  mutating func numberAlone(_ reader: inout JSONReader) throws(JSONFault) -> Int64 {
    var number: Int64?
    try read(&reader) { (reader, name) throws(JSONFault) in
      guard reader.text(name, is: "number") else { return false }
      number = try reader.count()
      return true
    }
    return try require(number, "number")
  }
}

extension JSONReader {
  /// A whole number of 32 bits.
  mutating func integer32(atLeast least: Int32) throws(JSONFault) -> Int32 {
    let range = try number()
    guard let wide = wholeNumber(range), let value = Int32(exactly: wide), value >= least else {
      throw JSONFault(
        offset: range.lowerBound, message: "a whole number from \(least) to \(Int32.max) should stand here")
    }
    return value
  }

  /// A whole number from 0.
  mutating func count() throws(JSONFault) -> Int64 {
    let range = try number()
    guard let value = wholeNumber(range), value >= 0 else {
      throw JSONFault(
        offset: range.lowerBound, message: "a whole number from 0 to \(Int64.max) should stand here")
    }
    return value
  }

  /// A length of time that still fits 64 bits in nanoseconds.
  mutating func milliseconds() throws(JSONFault) -> Int64 {
    let range = try number()
    guard let value = wholeNumber(range), value >= 0, value <= Int64.max / 1_000_000 else {
      throw JSONFault(offset: range.lowerBound, message: "a whole number of milliseconds should stand here")
    }
    return value
  }

  mutating func fence() throws(JSONFault) -> Fence { Fence(try count()) }

  /// One of a few known words.
  mutating func oneOf<Value>(
    _ values: [Value], by name: (Value) -> String, what: String
  ) throws(JSONFault) -> Value {
    let text = try text()
    let word = string(text)
    guard let value = values.first(where: { name($0) == word }) else {
      throw JSONFault(offset: text.offset, message: "unknown \(what) \"\(shown(text))\"")
    }
    return value
  }

  /// `{"type": …}` of the object that comes next, wherever in it that stands. The reader does not move.
  func messageType() throws(JSONFault) -> Text {
    var ahead = self
    if try ahead.peek() != .object { throw ahead.fault("a message should be an object") }
    let start = ahead.offset
    // Nearly every message has it first: look there before reading all of it twice.
    if let first = ahead.leadingMember(), text(first, is: "type"), try ahead.peek() == .string {
      return try ahead.text()
    }
    ahead = self
    var type: Text?
    try ahead.object { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "type") { type = try reader.text() } else { try reader.skip() }
    }
    guard let type else { throw JSONFault(offset: start, message: "a message needs \"type\"") }
    return type
  }
}
