// What few jobs say of their process.
extension JobReader {
  private static let inputKnown: [StaticString] = ["file"]

  /// A string, or `{"file": "path"}`.
  static func input(
    _ reader: inout JSONReader, _ faults: inout FaultList, _ hasBraces: inout Bool, path: () -> String
  ) throws(JSONFault) -> JobTemplate.Input? {
    switch try reader.peek() {
    case .string:
      let span = TextSpan(try reader.text())
      note(span, reader, &hasBraces)
      return .text(span)
    case .object:
      let offset = reader.offset
      var file: TextSpan?
      var isSaid = false
      try reader.object { (reader, name) throws(JSONFault) in
        if MemberReading.index(of: name, in: inputKnown, reader.bytes) != nil {
          isSaid = true
          file = try nonEmpty("a path", &reader, &faults, &hasBraces) { path() + "/file" }
        } else {
          isSaid = true
          MemberReading.unknown(
            name, of: "stdin", known: inputKnown, later: [], reader, &faults, path: path)
          try reader.skip()
        }
      }
      if !isSaid {
        faults.add("stdin names no file", at: offset, path: path(), hint: "write {\"file\": \"path\"}")
      }
      return file.map { .file($0) }
    case let other:
      try MemberReading.wrong(
        other, "a string, or an object that names a file,", &reader, &faults, path: path)
      return nil
    }
  }

  static func mask(
    _ reader: inout JSONReader, _ faults: inout FaultList, path: () -> String
  ) throws(JSONFault) -> FileMask? {
    if try reader.peek() == .number {
      faults.add(
        "a umask is a string of octal digits", at: reader.offset, path: path(),
        hint: "put it in double quotes: \"027\"")
      try reader.skip()
      return nil
    }
    guard try MemberReading.expect(.string, "a string like \"027\"", &reader, &faults, path: path) else {
      return nil
    }
    let span = TextSpan(try reader.text())
    if let mask = span.withBytes(in: reader.bytes, { FileMask(octal: $0) }) { return mask }
    faults.add(
      "a umask is octal digits from 000 to 777, not \(MemberReading.shown(span.raw, reader))",
      at: span.quoteOffset, path: path(), hint: "\"\(FileMask.standard.text)\" is the default")
    return nil
  }

  static func openFiles(
    _ reader: inout JSONReader, _ faults: inout FaultList, path: () -> String
  ) throws(JSONFault) -> Int32? {
    var offset = 0
    if try reader.peek() == .number { offset = reader.offset }
    guard let count = try MemberReading.count(&reader, &faults, path: path) else { return nil }
    if count >= Job.World.leastOpenFiles { return count }
    faults.add(
      "openFiles must be at least \(Job.World.leastOpenFiles), not \(count)", at: offset, path: path())
    return nil
  }
}
