import Foundation

/// Where a command writes.
struct Console: Sendable {
  /// Standard output, bytes as they are.
  let out: @Sendable ([UInt8]) -> Void
  /// Standard error.
  let err: @Sendable (String) -> Void
  /// Whether a person reads standard error as it is written.
  let isTerminal: Bool
  /// For showing times.
  let timeZone: TimeZone

  func print(_ text: String) { out(Array((text + "\n").utf8)) }
  /// A coordinator's JSON as it is, on lines of its own.
  func json(_ body: Data) { out(Array(body) + (body.last == UInt8(ascii: "\n") ? [] : [UInt8(ascii: "\n")])) }
  func note(_ text: String) { err(text + "\n") }

  static let standard = Console(
    out: { FileHandle.standardOutput.write(Data($0)) },
    err: { FileHandle.standardError.write(Data($0.utf8)) },
    isTerminal: isatty(2) == 1, timeZone: .current)
}

/// Text that others chose, made safe for a terminal.
enum Printable {
  /// Control characters (which may move the cursor or rename the window) become `?`; one line stays one.
  static func line(_ text: some StringProtocol) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator: "?"
          default: scalar
          }
        }))
  }
}
