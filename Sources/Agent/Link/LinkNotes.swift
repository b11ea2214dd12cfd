import Protocol
import System

/// What the runner tells the link.
enum RunnerNote: Equatable {
  /// From when on leases count; the coordinator's, and the shortest of those that run. nil: none that ends.
  case lease(from: Instant, standard: Period?, shortest: Period?)
  /// The connection is dead: make another.
  case reconnect(reason: String)
  /// Goodbye is said: do not dial again.
  case stop
  /// Whether the link is to say again and again that it is there.
  case watch(Bool)

  func write(to writer: inout JSONWriter) {
    switch self {
    case .lease(let from, let standard, let shortest):
      writer.member("lease") { writer in
        writer.object { writer in
          writer.member("from", from.nanoseconds)
          if let standard { writer.member("standard", standard.nanoseconds) }
          if let shortest { writer.member("shortest", shortest.nanoseconds) }
        }
      }
    case .reconnect(let reason): writer.member("reconnect", reason)
    case .stop: writer.member("stop", true)
    case .watch(let isOn): writer.member("watch", isOn)
    }
  }

  init(reading reader: inout JSONReader) throws(JSONFault) {
    var note: RunnerNote?
    try reader.object { (reader, name) throws(JSONFault) in
      switch reader.string(name) {
      case "lease":
        var from: Int64 = 0
        var standard: Period?
        var shortest: Period?
        try reader.object { (reader, name) throws(JSONFault) in
          switch reader.string(name) {
          case "from": from = try reader.integer()
          case "standard": standard = Period(nanoseconds: try reader.integer())
          default: shortest = Period(nanoseconds: try reader.integer())
          }
        }
        note = .lease(from: Instant(nanoseconds: from), standard: standard, shortest: shortest)
      case "reconnect": note = .reconnect(reason: try reader.string())
      case "stop":
        try reader.skip()
        note = .stop
      case "watch": note = .watch(try reader.boolean())
      default: try reader.skip()
      }
    }
    guard let note else { throw reader.fault("a note should stand here") }
    self = note
  }
}

/// What the link tells the runner.
enum LinkNote: Equatable {
  /// A hello went out at that time.
  case helloSent(at: Instant)
  /// The coordinator's answer follows, a welcome: connection `number` is up.
  case up(number: UInt32)
  /// That connection is over.
  case down(reason: String)
  /// The coordinator will not have this agent.
  case refused(words: String)
  /// Said again and again, while the runner wants it: a link of which nothing is heard is dead, or stopped.
  case here

  func write(to writer: inout JSONWriter) {
    switch self {
    case .helloSent(let at): writer.member("helloSent", at.nanoseconds)
    case .up(let number): writer.member("up", Int64(number))
    case .down(let reason): writer.member("down", reason)
    case .refused(let words): writer.member("refused", words)
    case .here: writer.member("here", true)
    }
  }

  init(reading reader: inout JSONReader) throws(JSONFault) {
    var note: LinkNote?
    try reader.object { (reader, name) throws(JSONFault) in
      switch reader.string(name) {
      case "helloSent": note = .helloSent(at: Instant(nanoseconds: try reader.integer()))
      case "up": note = .up(number: UInt32(truncatingIfNeeded: try reader.integer()))
      case "down": note = .down(reason: try reader.string())
      case "refused": note = .refused(words: try reader.string())
      default:
        try reader.skip()
        note = .here
      }
    }
    guard let note else { throw reader.fault("a note should stand here") }
    self = note
  }
}

extension LinkFrame {
  static func note(_ note: RunnerNote) -> [UInt8] { self.note { note.write(to: &$0) } }
  static func note(_ note: LinkNote) -> [UInt8] { self.note { note.write(to: &$0) } }

  /// nil: it is none of this version's.
  static func runnerNote(_ payload: [UInt8]) -> RunnerNote? { read(payload, RunnerNote.init(reading:)) }
  static func linkNote(_ payload: [UInt8]) -> LinkNote? { read(payload, LinkNote.init(reading:)) }

  private static func read<Note>(
    _ payload: [UInt8], _ body: (inout JSONReader) throws(JSONFault) -> Note
  ) -> Note? {
    Array(payload.dropFirst()).withUnsafeBufferPointer { bytes in
      var reader = JSONReader(bytes)
      do throws(JSONFault) { return try body(&reader) } catch { return nil }
    }
  }
}
