/// What the readers of documents share: members by name, values of one type, and the faults they make.
/// A wrong type is a fault of the document and reading goes on; only broken JSON is thrown.
struct MemberReading {
  typealias Path = () -> String

  /// The place of `name` in `known`, or nil.
  static func index(of name: JSONReader.Text, in known: [StaticString], _ text: UnsafeBufferPointer<UInt8>)
    -> Int?
  {
    TextSpan(name).withBytes(in: text) { bytes in
      known.firstIndex { word in
        guard word.utf8CodeUnitCount == bytes.count else { return false }
        for i in 0..<bytes.count where bytes[i] != word.utf8Start[i] { return false }
        return true
      }
    }
  }

  /// An unknown member: named, with the nearest known one, or as a member of a later version.
  static func unknown(
    _ name: JSONReader.Text, of owner: StaticString, known: [StaticString], later: [StaticString],
    _ reader: JSONReader, _ faults: inout FaultList, path: Path
  ) {
    let word = reader.string(name)
    if index(of: name, in: later, reader.bytes) != nil {
      faults.add(
        "\"\(word)\" is not yet known to this version", at: name.offset,
        path: path() + "/" + JSONPointer.token(word), hint: "leave it out")
      return
    }
    let near = NearestName.of(word, among: known.map(\.description))
    faults.add(
      "\(owner) has no member \"\(word)\"", at: name.offset, path: path() + "/" + JSONPointer.token(word),
      hint: near.map { "did you mean \"\($0)\"?" }
        ?? "it knows \(known.map(\.description).joined(separator: ", "))")
  }

  /// Whether the next value is of a kind; else it is passed over and the fault said.
  static func expect(
    _ kind: JSONReader.Kind, _ what: StaticString, _ reader: inout JSONReader, _ faults: inout FaultList,
    path: Path
  ) throws(JSONFault) -> Bool {
    let found = try reader.peek()
    if found == kind { return true }
    try wrong(found, what, &reader, &faults, path: path)
    return false
  }

  /// Says that a value is of the wrong type and passes over it.
  static func wrong(
    _ found: JSONReader.Kind, _ what: StaticString, _ reader: inout JSONReader, _ faults: inout FaultList,
    path: Path
  ) throws(JSONFault) {
    faults.add(
      "\(what) should stand here, not \(name(found))", at: reader.offset, path: path(),
      hint: found == .null ? "leave the member out" : nil)
    try reader.skip()
  }

  static func name(_ kind: JSONReader.Kind) -> String {
    switch kind {
    case .object: "an object"
    case .array: "a list"
    case .string: "a string"
    case .number: "a number"
    case .boolean: "true or false"
    case .null: "null"
    }
  }

  /// A whole number from 0 to 2³¹−1, written without fraction or exponent; nil where the fault was said.
  static func count(
    _ reader: inout JSONReader, _ faults: inout FaultList, path: Path
  ) throws(JSONFault) -> Int32? {
    guard try expect(.number, "a whole number", &reader, &faults, path: path) else { return nil }
    let range = try reader.number()
    if let value = reader.wholeNumber(range), value >= 0, value <= Int64(Int32.max) { return Int32(value) }
    faults.add(
      "this should be a whole number from 0 to \(Int32.max), not \(shown(range, reader))",
      at: range.lowerBound, path: path())
    return nil
  }

  /// The raw bytes of a number, or of a string's content; nil where the fault was said.
  static func numberOrString(
    _ what: StaticString, _ reader: inout JSONReader, _ faults: inout FaultList, path: Path
  ) throws(JSONFault) -> TextSpan? {
    switch try reader.peek() {
    case .number: return TextSpan(raw: try reader.number(), hasEscapes: false)
    case .string: return TextSpan(try reader.text())
    case let other:
      try wrong(other, what, &reader, &faults, path: path)
      return nil
    }
  }

  /// The source of a short value, for a message.
  static func shown(_ range: Range<Int>, _ reader: JSONReader) -> String {
    let most = 40
    let text = String(decoding: reader.bytes[range.prefix(most)], as: UTF8.self)
    return range.count > most ? text + "…" : text
  }
}
