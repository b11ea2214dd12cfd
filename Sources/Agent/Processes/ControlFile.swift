import CSystem
import Glibc
import System

/// A control file of the kernel, open for as long as it is used: each attempt reads and writes some of its group.
final class ControlFile {
  /// What a control file of ours says is short; lists of processes are read in more than one piece.
  private static let readBytes = 4096

  private let file: FileDescriptor
  var raw: Int32 { file.raw }

  /// nil: this kernel has no such file, or does not let us.
  init?(_ path: String, _ flags: Int32) {
    let raw = caravan_open(path, flags, 0)
    if raw < 0 { return nil }
    file = FileDescriptor(owning: raw)
  }

  func read() -> [UInt8] {
    var text: [UInt8] = []
    while true {
      let piece = [UInt8](unsafeUninitializedCapacity: Self.readBytes) { buffer, count in
        count = max(0, pread(file.raw, buffer.baseAddress, buffer.count, off_t(text.count)))
      }
      if piece.isEmpty { return text }
      text += piece
      // A short read is the end, but for lists, whose end is an empty one.
      if piece.count < Self.readBytes, piece.last != UInt8(ascii: "\n") { return text }
    }
  }

  /// Whether the kernel took it; errno says why not.
  @discardableResult
  func write(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { pwrite(file.raw, $0.baseAddress, $0.count, 0) == $0.count }
  }

  /// The number on the line that begins with `name` and a space; the whole text where `name` is "". Such a file comes
  /// whole in one read. Nothing is allocated: an attempt asks for a few of them.
  func number(_ name: StaticString = "") -> Int64? {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.readBytes) { buffer in
      let count = pread(file.raw, buffer.baseAddress, buffer.count, 0)
      if count <= 0 { return nil }
      return name.withUTF8Buffer { Self.number($0, in: UnsafeBufferPointer(rebasing: buffer[..<count])) }
    }
  }

  static func number(_ name: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>) -> Int64? {
    var line = text[...]
    while !line.isEmpty {
      let end = line.firstIndex(of: UInt8(ascii: "\n")) ?? line.endIndex
      var rest = line[..<end]
      line = line[min(end + 1, line.endIndex)...]
      if !name.isEmpty {
        guard rest.starts(with: name) else { continue }
        rest = rest.dropFirst(name.count)
        guard rest.first == UInt8(ascii: " ") else { continue }
        rest = rest.dropFirst()
      }
      return digits(rest)
    }
    return nil
  }

  private static func digits(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Int64? {
    if text.isEmpty { return nil }
    var value: Int64 = 0
    for byte in text {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      let (tens, isTooMuch) = value.multipliedReportingOverflow(by: 10)
      let (sum, isMore) = tens.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
      if isTooMuch || isMore { return nil }
      value = sum
    }
    return value
  }
}
