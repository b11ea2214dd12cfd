/// What does not hold in a DAG document, and where: for people who mend it and editors that jump there.
public struct Fault: Error, Hashable, Sendable {
  public var message: String
  /// A JSON pointer (RFC 6901): `/tasks/align/parents/1`; "" is the whole text.
  public var path: String
  /// Bytes from the text's start (a BOM is not counted): of the value, or of the name where the name is at fault.
  public var offset: Int
  /// From 1.
  public var line: Int
  /// From 1, in code points.
  public var column: Int
  /// How to mend it, mostly the nearest known name.
  public var hint: String?

  public init(
    message: String, path: String = "", offset: Int = 0, line: Int = 1, column: Int = 1, hint: String? = nil
  ) {
    self.message = message
    self.path = path
    self.offset = offset
    self.line = line
    self.column = column
    self.hint = hint
  }
}

/// The faults of one text as they are found. More than `limit` help nobody: those past it are only counted.
public struct FaultList: Sendable {
  public static let limit = 50

  public private(set) var faults: [Fault] = []
  public private(set) var isEmpty = true
  /// Names that hints may still be compared with: a hint is a courtesy and must not cost seconds.
  public var comparisonsLeft = 500_000

  public init() {}

  public var isFull: Bool { faults.count >= Self.limit }

  /// The arguments are only made where there is room.
  public mutating func add(
    _ message: @autoclosure () -> String, at offset: Int, path: @autoclosure () -> String,
    hint: @autoclosure () -> String? = nil
  ) {
    isEmpty = false
    if isFull { return }
    faults.append(Fault(message: message(), path: path(), offset: offset, hint: hint()))
  }

  /// In the text's order, with lines and columns.
  public func placed(in text: UnsafeBufferPointer<UInt8>) -> [Fault] { Fault.placed(faults, in: text) }
}

extension Fault {
  /// Sorted by place, with lines and columns, in one pass over the text.
  public static func placed(_ faults: [Fault], in text: UnsafeBufferPointer<UInt8>) -> [Fault] {
    // The index keeps the order of those that share a place.
    var out = faults.enumerated().sorted { ($0.element.offset, $0.offset) < ($1.element.offset, $1.offset) }
      .map(\.element)
    var at = 0
    var line = 1
    var column = 1
    for index in out.indices {
      while at < out[index].offset, at < text.count {
        if text[at] == UInt8(ascii: "\n") {
          line += 1
          column = 1
        } else if text[at] & 0xC0 != 0x80 {
          column += 1
        }
        at += 1
      }
      out[index].line = line
      out[index].column = column
    }
    return out
  }
}

/// RFC 6901: `~` and `/` inside a token are escaped.
public enum JSONPointer {
  public static func token(_ name: String) -> String {
    if !name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) { return name }
    var out = ""
    for scalar in name.unicodeScalars {
      switch scalar {
      case "~": out += "~0"
      case "/": out += "~1"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
