import Protocol
import Scheduling

/// One line of a spool file: `{"bootID": …}` first, then `{"started": f}` (with `leaseSeconds` where it has a lease of
/// its own), `{"output": {…}}` and `{"ended": {…}}` (the messages that tell them) and `{"acknowledged": f}`.
enum SpoolLine {
  case header(bootID: String)
  case record(SpoolRecord)
  /// What of an ended attempt's stream is still to be sent; before its end.
  case output(Fence, OutputStream, KeptPiece)

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      switch self {
      case .header(let bootID): writer.member("bootID", bootID)
      case .record(.started(let fence, let lease)):
        writer.member("started", fence.value)
        if let seconds = lease.seconds { writer.member("leaseSeconds", seconds) }
      case .record(.ended(let fence, let result)):
        writer.member("ended") { ToCoordinator.ended(fence, result).write(to: &$0) }
      case .record(.acknowledged(let fence)): writer.member("acknowledged", fence.value)
      case .output(let fence, let stream, let piece):
        writer.member("output") {
          ToCoordinator.output(fence, stream, offset: piece.offset, piece.bytes).write(to: &$0)
        }
      }
    }
  }

  /// nil: a line that was not written to its end, or by another version.
  init?(_ line: ArraySlice<UInt8>) {
    let read = Array(line).withUnsafeBufferPointer { bytes -> SpoolLine? in
      var reader = JSONReader(bytes)
      var found: SpoolLine?
      var lease = TaskLease.standard
      do throws(JSONFault) {
        try reader.object { (reader, name) throws(JSONFault) in
          switch reader.string(name) {
          case "bootID": found = .header(bootID: try reader.string())
          case "started": found = .record(.started(Fence(try reader.integer()), .standard))
          case "leaseSeconds":
            lease = Int32(exactly: try reader.integer()).flatMap(TaskLease.init(seconds:)) ?? .standard
          case "acknowledged": found = .record(.acknowledged(Fence(try reader.integer())))
          case "ended":
            if case .ended(let fence, let result) = try ToCoordinator(reading: &reader) {
              found = .record(.ended(fence, result))
            }
          case "output":
            if case .output(let fence, let stream, let offset, let bytes) = try ToCoordinator(
              reading: &reader)
            {
              found = .output(fence, stream, KeptPiece(offset: offset, bytes: bytes))
            }
          default: try reader.skip()
          }
        }
        try reader.end()
        if case .record(.started(let fence, _)) = found { return .record(.started(fence, lease)) }
        return found
      } catch {
        return nil
      }
    }
    guard let read else { return nil }
    self = read
  }
}

/// Lines gathered for one write.
struct JSONLines {
  private var bytes: [UInt8] = []
  private var writer = JSONWriter()

  var isEmpty: Bool { bytes.isEmpty }

  mutating func append(_ line: SpoolLine) {
    line.write(to: &writer)
    bytes.append(contentsOf: writer.take())
    bytes.append(UInt8(ascii: "\n"))
  }

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func take() -> [UInt8] {
    let out = bytes
    bytes.removeAll(keepingCapacity: true)
    return out
  }
}
