/// The names an object has had so far. Most objects are small: up to 16 names are compared in turn, with
/// no allocation; past that a table decides, which is hashed anew in each process, so that nobody can
/// choose names that collide.
struct SeenNames {
  private static let fewLimit = 16
  private var few = InlineArray<16, UInt64>(repeating: 0)
  private var count = 0
  private var many: [TextSpan] = []
  private var table = NameTable()

  /// True when the name was there before.
  mutating func insert(_ name: JSONReader.Text, in reader: JSONReader) -> Bool {
    let text = reader.bytes
    let span = TextSpan(name)
    if count < Self.fewLimit {
      for index in 0..<count where TextSpan.same(TextSpan(bits: few[index]), span, in: text) { return true }
      few[count] = span.bits
      count += 1
      return false
    }
    if many.isEmpty {
      for index in 0..<count { put(TextSpan(bits: few[index]), in: text) }
    }
    let isThere = span.withBytes(in: text) { bytes in
      table.find(bytes) { TextSpan.same(many[Int($0)], span, in: text) } != nil
    }
    if !isThere { put(span, in: text) }
    return isThere
  }

  private mutating func put(_ span: TextSpan, in text: UnsafeBufferPointer<UInt8>) {
    let number = Int32(many.count)
    many.append(span)
    span.withBytes(in: text) { table.insert(number, named: $0) }
  }
}
