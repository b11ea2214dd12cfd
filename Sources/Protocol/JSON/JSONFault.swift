/// Why a text is not the JSON that is taken here, and where.
public struct JSONFault: Error, Hashable, Sendable {
  /// Bytes from the text's start.
  public let offset: Int
  public let message: String
  public init(offset: Int, message: String) {
    self.offset = offset
    self.message = message
  }
}

/// A place in a text for people: both from 1, the column in code points.
public struct TextPosition: Hashable, Sendable {
  public let line: Int
  public let column: Int

  /// A BOM at the beginning is not counted: no editor shows it. `\n` ends a line; a `\r` before it is a character like any other.
  public init(ofOffset offset: Int, in text: UnsafeBufferPointer<UInt8>) {
    var line = 1
    var column = 1
    let hasBOM = text.starts(with: [0xEF, 0xBB, 0xBF])
    for byte in text.prefix(offset).dropFirst(hasBOM ? 3 : 0) {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    self.line = line
    self.column = column
  }
}
