import Foundation
import Synchronization

@testable import CLI

/// A console whose output a test looks at.
final class RecordedConsole: Sendable {
  private let written = Mutex((out: [UInt8](), err: ""))

  var console: Console {
    Console(
      out: { bytes in self.written.withLock { $0.out += bytes } },
      err: { text in self.written.withLock { $0.err += text } }, isTerminal: false, timeZone: .gmt)
  }
  var out: String { written.withLock { String(decoding: $0.out, as: UTF8.self) } }
  var err: String { written.withLock { $0.err } }
}
