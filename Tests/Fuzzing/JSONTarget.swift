import Protocol

// Any bytes as JSON: passed over, and read value by value and written again.

/// Reads a value whole and writes what was read.
private func copy(_ reader: inout JSONReader, to writer: inout JSONWriter) throws(JSONFault) {
  switch try reader.peek() {
  case .object:
    writer.beginObject()
    try reader.object { (reader, name) throws(JSONFault) in
      writer.name(reader.string(name))
      try copy(&reader, to: &writer)
    }
    writer.endObject()
  case .array:
    writer.beginArray()
    try reader.array { (reader, _) throws(JSONFault) in try copy(&reader, to: &writer) }
    writer.endArray()
  case .string: writer.string(try reader.string())
  case .number:
    let range = try reader.number()
    if let number = reader.wholeNumber(range) {
      writer.integer(number)
    } else {
      writer.raw(reader.bytes[range])
    }
  case .boolean: writer.boolean(try reader.boolean())
  case .null:
    try reader.null()
    writer.null()
  }
}

private func copy(_ bytes: [UInt8]) -> Result<[UInt8], JSONFault> {
  bytes.withUnsafeBufferPointer { bytes in
    do throws(JSONFault) {
      var reader = JSONReader(bytes)
      var writer = JSONWriter()
      try copy(&reader, to: &writer)
      try reader.end()
      return .success(writer.take())
    } catch {
      check(error.offset >= 0 && error.offset <= bytes.count, "a fault is outside of the text")
      return .failure(error)
    }
  }
}

private func passOver(_ bytes: [UInt8]) -> JSONFault? {
  bytes.withUnsafeBufferPointer { bytes in
    do throws(JSONFault) {
      var reader = JSONReader(bytes)
      try reader.skip()
      try reader.end()
      return nil
    } catch {
      return error
    }
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let passed = passOver(bytes)
  switch copy(bytes) {
  case .failure(let fault):
    check(passed?.offset == fault.offset, "what is passed over is checked otherwise than what is read")
  case .success(let written):
    check(passed == nil, "what is read cannot be passed over")
    guard case .success(let again) = copy(written) else {
      check(false, "what was written is no JSON")
      return 0
    }
    check(again == written, "a value changes when it is written and read")
  }
  return 0
}
