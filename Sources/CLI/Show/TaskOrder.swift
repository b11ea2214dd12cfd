/// Names as people count: `a_2` before `a_10`.
enum TaskOrder {
  static func precedes(_ a: String, _ b: String) -> Bool {
    let (aFamily, aOrdinal) = split(a)
    let (bFamily, bOrdinal) = split(b)
    if aFamily == bFamily, let aOrdinal, let bOrdinal, aOrdinal != bOrdinal { return aOrdinal < bOrdinal }
    return a < b
  }

  private static func split(_ name: String) -> (family: Substring, ordinal: Int?) {
    guard let bar = name.lastIndex(of: "_"), let ordinal = Int(name[name.index(after: bar)...]), ordinal >= 0
    else {
      return (name[...], nil)
    }
    return (name[..<bar], ordinal)
  }
}
