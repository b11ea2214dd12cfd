/// Finds the known name that a misspelt one was probably meant to be.
///
/// Optimal string alignment (Levenshtein with neighbours swapped), over bytes; at most a third of the
/// name may differ, since a farther guess misleads more than it helps.
public struct NearestName {
  private let wanted: [UInt8]
  private let most: Int
  private var best: (distance: Int, name: String)?
  private var rows: [[Int]]

  /// Longer names are not compared: nobody misspells 200 letters by two.
  private static let lengthLimit = 200

  public init(_ wanted: String) {
    self.wanted = Array(wanted.lowercased().utf8.prefix(Self.lengthLimit + 1))
    most = self.wanted.count > Self.lengthLimit ? 0 : max(1, self.wanted.count / 3)
    rows = Array(repeating: Array(repeating: 0, count: self.wanted.count + 1), count: 3)
  }

  public var found: String? { best?.name }

  /// The first of the nearest wins.
  public mutating func offer(_ name: UnsafeBufferPointer<UInt8>) {
    let bound = best.map { $0.distance - 1 } ?? most
    if bound < 0 || name.isEmpty || wanted.isEmpty || abs(name.count - wanted.count) > bound { return }
    guard let distance = distance(to: name, atMost: bound) else { return }
    best = (distance, String(decoding: name, as: UTF8.self))
  }

  public mutating func offer(_ name: String) {
    var name = name
    name.withUTF8 { offer($0) }
  }

  /// The nearest of a few.
  public static func of(_ wanted: String, among known: some Sequence<String>) -> String? {
    var search = NearestName(wanted)
    for name in known { search.offer(name) }
    return search.found
  }

  private mutating func distance(to name: UnsafeBufferPointer<UInt8>, atMost bound: Int) -> Int? {
    for j in 0...wanted.count { rows[1][j] = j }
    for i in 1...name.count {
      rows[2][0] = i
      var least = i
      for j in 1...wanted.count {
        let same = Self.lower(name[i - 1]) == wanted[j - 1]
        var cost = min(rows[1][j] + 1, rows[2][j - 1] + 1, rows[1][j - 1] + (same ? 0 : 1))
        if i > 1, j > 1, Self.lower(name[i - 1]) == wanted[j - 2], Self.lower(name[i - 2]) == wanted[j - 1] {
          cost = min(cost, rows[0][j - 2] + 1)
        }
        rows[2][j] = cost
        least = min(least, cost)
      }
      if least > bound + 1 { return nil }
      rows.swapAt(0, 1)
      rows.swapAt(1, 2)
    }
    let distance = rows[1][wanted.count]
    return distance <= bound ? distance : nil
  }

  private static func lower(_ b: UInt8) -> UInt8 { b >= 0x41 && b <= 0x5A ? b | 0x20 : b }
}
