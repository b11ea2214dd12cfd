/// Values inside shell scripts: a value is always one single-quoted word.
public enum ShellText {
  /// `'value'`, a quote inside as `'\''` (POSIX Shell Command Language, 2.2.2).
  public static func quote(_ value: UnsafeBufferPointer<UInt8>, into out: inout [UInt8]) {
    let mark = UInt8(ascii: "'")
    out.append(mark)
    for b in value {
      if b == mark { out.append(contentsOf: [mark, UInt8(ascii: "\\"), mark, mark]) } else { out.append(b) }
    }
    out.append(mark)
  }

  /// Bytes that `quote` makes of a value.
  public static func quotedLength(_ value: UnsafeBufferPointer<UInt8>) -> Int {
    value.reduce(value.count + 2) { $1 == UInt8(ascii: "'") ? $0 + 3 : $0 }
  }
}
