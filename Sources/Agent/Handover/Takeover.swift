import CSystem
import Glibc
import Protocol
import System

/// What the program before this one, in the same process, left to go on with: a JSON object.
struct Takeover {
  private let bytes: [UInt8]
  let incarnation: Incarnation
  /// The descriptor that locks the data directory.
  let lock: Int32

  /// nil: this is a start of its own.
  static func find() throws(SystemError) -> Takeover? {
    guard let text = getenv(Handover.variable), let fd = Int32(String(cString: text)) else { return nil }
    unsetenv(Handover.variable)
    let file = FileDescriptor(owning: fd)
    return try Takeover(try Files.read(open: file.raw, called: "what the program before left"))
  }

  private init(_ bytes: [UInt8]) throws(SystemError) {
    self.bytes = bytes
    var directoryID = ""
    var startNumber: Int64 = 0
    var lock: Int64 = -1
    try Self.read(bytes, "directoryID") { (reader) throws(JSONFault) in directoryID = try reader.string() }
    try Self.read(bytes, "startNumber") { (reader) throws(JSONFault) in startNumber = try reader.integer() }
    try Self.read(bytes, "lock") { (reader) throws(JSONFault) in lock = try reader.integer() }
    incarnation = Incarnation(
      directoryID: directoryID, bootID: try HostFacts.bootID(), startNumber: startNumber)
    self.lock = Int32(clamping: lock)
    if caravan_set_inherited(self.lock, 0) < 0 {
      throw SystemError("cannot keep the lock of the data directory")
    }
  }

  /// Gives `body` the value of that member.
  func read(_ name: StaticString, _ body: (inout JSONReader) throws(JSONFault) -> Void) throws(SystemError) {
    try Self.read(bytes, name, body)
  }

  private static func read(
    _ bytes: [UInt8], _ wanted: StaticString, _ body: (inout JSONReader) throws(JSONFault) -> Void
  ) throws(SystemError) {
    do throws(JSONFault) {
      try bytes.withUnsafeBufferPointer { (bytes) throws(JSONFault) in
        var reader = JSONReader(bytes)
        try reader.object { (reader, name) throws(JSONFault) in
          if reader.text(name, is: wanted) { try body(&reader) } else { try reader.skip() }
        }
      }
    } catch {
      throw SystemError(.invalid, "what the program before left cannot be read: \(wanted): \(error.message)")
    }
  }

  /// Of what is still open, by the spool.
  func spooled() throws(SystemError) -> [Fence: SpooledAttempt] {
    var lines: [UInt8] = []
    try read("spool") { (reader) throws(JSONFault) in lines = reader.unescaped(try reader.text()) }
    var attempts: [Fence: SpooledAttempt] = [:]
    attempts.read(lines, incarnation.bootID)
    return attempts
  }
}
