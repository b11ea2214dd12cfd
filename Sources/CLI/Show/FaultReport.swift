/// A document's faults as a compiler shows them: editors jump to `file:line:column: error: …`.
enum FaultReport {
  static func lines(_ faults: [Refusal.Fault], file: String, kind: String) -> [String] {
    faults.flatMap { fault in
      var place = file
      if let line = fault.line {
        place += ":\(line)"
        if let column = fault.column { place += ":\(column)" }
      }
      let message = "\(place): \(kind): \(Printable.line(fault.message))"
      return [message] + (fault.hint.map { ["  hint: \(Printable.line($0))"] } ?? [])
    }
  }

  static func count(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }
}
