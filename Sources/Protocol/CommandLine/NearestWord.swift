/// Finds what somebody most likely meant to type.
public enum NearestWord {
  /// Words longer than this are not compared, in characters: the cost is the product of the lengths.
  private static let lengthMax = 64

  /// The word with the fewest insertions, deletions, replacements and swaps of neighbours from `typed`, the
  /// earlier of equals; nil where none is near, which is more than a third of the letters away.
  public static func find(_ typed: String, among words: some Sequence<String>) -> String? {
    let typed = Array(typed)
    guard typed.count <= lengthMax else { return nil }
    var best: (word: String, distance: Int)?
    for word in words {
      let letters = Array(word)
      let limit = max(typed.count, letters.count) / 3
      guard letters.count <= lengthMax, abs(letters.count - typed.count) <= max(1, limit) else { continue }
      let distance = distance(typed, letters)
      if distance <= max(1, limit), distance < (best?.distance ?? .max), distance < letters.count {
        best = (word, distance)
      }
    }
    return best?.word
  }

  /// Optimal string alignment: the restricted Damerau–Levenshtein distance.
  static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
        row.append(best)
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
