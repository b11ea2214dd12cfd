/// The names an object has had so far. Most objects are small: up to 16 names are compared in turn, with
/// no allocation but the list; past that a set of the decoded names decides (its hash is seeded anew in
/// each process, so that nobody can choose names that collide).
struct SeenNames {
  private static let listLimit = 16
  private var list: [JSONReader.Text] = []
  private var set: Set<[UInt8]> = []

  /// True when the name was there before.
  mutating func insert(_ name: JSONReader.Text, in reader: JSONReader) -> Bool {
    if set.isEmpty {
      for earlier in list where Self.same(earlier, name, in: reader) { return true }
      list.append(name)
      if list.count > Self.listLimit { set = Set(list.map { reader.unescaped($0) }) }
      return false
    }
    return !set.insert(reader.unescaped(name)).inserted
  }

  private static func same(_ a: JSONReader.Text, _ b: JSONReader.Text, in reader: JSONReader) -> Bool {
    if a.hasEscapes || b.hasEscapes { return reader.unescaped(a) == reader.unescaped(b) }
    guard a.raw.count == b.raw.count else { return false }
    return reader.bytes[a.raw].elementsEqual(reader.bytes[b.raw])
  }
}
