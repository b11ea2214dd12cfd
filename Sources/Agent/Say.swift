import Glibc

/// Lines for the person or the journal behind standard error: one for each thing that matters.
enum Say {
  static func line(_ text: String) {
    let line = Array("caravan-agent: \(text)\n".utf8)
    // Nobody listening is no reason to stop.
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  }
}
