import Protocol

/// A JSON value as a tree: what tests compare with. Numbers as written.
indirect enum JSONTree: Hashable {
  case object([Member])
  case array([JSONTree])
  case string(String)
  case number(String)
  case boolean(Bool)
  case null

  struct Member: Hashable {
    var name: String
    var value: JSONTree
  }

  /// The whole text as one value.
  init(_ text: [UInt8]) throws(JSONFault) {
    self = try text.withUnsafeBufferPointer { (bytes) throws(JSONFault) -> JSONTree in
      var reader = JSONReader(bytes)
      let tree = try JSONTree(reading: &reader)
      try reader.end()
      return tree
    }
  }

  private init(reading reader: inout JSONReader) throws(JSONFault) {
    switch try reader.peek() {
    case .object:
      var members: [Member] = []
      try reader.object { (reader, name) throws(JSONFault) in
        members.append(Member(name: reader.string(name), value: try JSONTree(reading: &reader)))
      }
      self = .object(members)
    case .array:
      var elements: [JSONTree] = []
      try reader.array { (reader, _) throws(JSONFault) in elements.append(try JSONTree(reading: &reader)) }
      self = .array(elements)
    case .string: self = .string(try reader.string())
    case .number:
      let range = try reader.number()
      self = .number(String(decoding: reader.bytes[range], as: UTF8.self))
    case .boolean: self = .boolean(try reader.boolean())
    case .null:
      try reader.null()
      self = .null
    }
  }

  func write(to writer: inout JSONWriter) {
    switch self {
    case .object(let members):
      writer.object { for member in members { $0.member(member.name) { member.value.write(to: &$0) } } }
    case .array(let elements): writer.array { for element in elements { element.write(to: &$0) } }
    case .string(let text): writer.string(text)
    case .number(let text):
      if let whole = Int64(text), String(whole) == text {
        writer.integer(whole)
      } else {
        writer.raw(text.utf8)
      }
    case .boolean(let value): writer.boolean(value)
    case .null: writer.null()
    }
  }

  /// A random value, at most `depth` deep.
  init(random: inout SeededRandom, depth: Int) {
    switch random.below(depth > 0 ? 8 : 6) {
    case 0: self = .null
    case 1: self = .boolean(random.chance(2))
    case 2: self = .number(String(Int64.random(in: .min ... .max, using: &random) >> Int64(random.below(64))))
    case 3: self = .number(random.element(of: ["0.5", "-0.0", "1e9", "12.25E-3", "-7e+2"]))
    case 4, 5: self = .string(Self.text(&random))
    case 6: self = .array((0..<random.below(5)).map { _ in JSONTree(random: &random, depth: depth - 1) })
    default:
      var names: [String] = []
      for _ in 0..<random.below(random.chance(5) ? 40 : 5) {
        let name = Self.text(&random)
        // Equal as bytes, which is what decides: Swift takes é in one and in two code points for the same.
        if !names.contains(where: { Array($0.utf8) == Array(name.utf8) }) { names.append(name) }
      }
      self = .object(names.map { Member(name: $0, value: JSONTree(random: &random, depth: depth - 1)) })
    }
  }

  static func text(_ random: inout SeededRandom) -> String {
    var scalars = String.UnicodeScalarView()
    for _ in 0..<random.below(20) {
      let code: UInt32
      switch random.below(5) {
      case 0: code = UInt32(1 + random.below(31))
      case 1: code = UInt32(random.element(of: Array("\"\\/'<>&\u{7F}".utf8)))
      case 2: code = UInt32(0x80 + random.below(0x10FFFF - 0x80))
      default: code = UInt32(32 + random.below(95))
      }
      if let scalar = Unicode.Scalar(code) { scalars.append(scalar) }
    }
    return String(scalars)
  }
}
