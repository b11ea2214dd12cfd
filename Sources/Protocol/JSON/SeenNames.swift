/// The names an object has had so far. Most objects are small: up to 16 names are compared in turn, with
/// no allocation but the list; past that a table decides, which is hashed anew in each process, so that
/// nobody can choose names that collide.
struct SeenNames {
  private static let listLimit = 16
  private var list: [TextSpan] = []
  private var table = NameTable()

  /// True when the name was there before.
  mutating func insert(_ name: JSONReader.Text, in reader: JSONReader) -> Bool {
    let text = reader.bytes
    let span = TextSpan(name)
    if list.count < Self.listLimit {
      for earlier in list where Self.same(earlier, span, in: text) { return true }
      list.append(span)
      return false
    }
    if list.count == Self.listLimit {
      for index in list.indices { put(Int32(index), in: text) }
    }
    let isThere = span.withBytes(in: text) { bytes in
      table.find(bytes) { Self.same(list[Int($0)], span, in: text) } != nil
    }
    if isThere { return true }
    list.append(span)
    put(Int32(list.count - 1), in: text)
    return false
  }

  private mutating func put(_ index: Int32, in text: UnsafeBufferPointer<UInt8>) {
    let list = self.list
    func hash(_ index: Int32) -> Int { list[Int(index)].withBytes(in: text, NameTable.hash) }
    table.insert(index, hash: hash(index), rehash: hash)
  }

  private static func same(_ a: TextSpan, _ b: TextSpan, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    if a.hasEscapes || b.hasEscapes { return a.bytes(in: text) == b.bytes(in: text) }
    guard a.length == b.length else { return false }
    return text[a.raw].elementsEqual(text[b.raw])
  }
}
