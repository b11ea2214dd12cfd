// How an agent's messages stand in JSON; docs/PROTOCOL.md describes them for people. Tests hold the bytes of
// every case against golden files.

extension ToCoordinator: WireMessage {
  /// The values of the member `type`.
  enum TypeName: String, CaseIterable {
    case hello, attempts, started, ended, revoked, handedBack, output, heartbeat, unfit, goodbye
  }

  var typeName: TypeName {
    switch self {
    case .hello: .hello
    case .attempts: .attempts
    case .started: .started
    case .ended: .ended
    case .revoked: .revoked
    case .handedBack: .handedBack
    case .output: .output
    case .heartbeat: .heartbeat
    case .unfit: .unfit
    case .goodbye: .goodbye
    }
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("type", typeName.rawValue)
    switch self {
    case .hello(let hello):
      hello.writeMembers(to: &writer)
    case .attempts(let held, let isLast):
      writer.name("attempts")
      writer.beginArray()
      for one in held { one.write(to: &writer) }
      writer.endArray()
      writer.member("isLast", isLast)
    case .started(let fence, let at):
      writer.member("fence", fence.value)
      writer.member("at", at.nanoseconds)
    case .ended(let fence, let result):
      writer.member("fence", fence.value)
      writer.name("result")
      result.write(to: &writer)
    case .revoked(let fence):
      writer.member("fence", fence.value)
    case .handedBack(let fence, let result):
      writer.member("fence", fence.value)
      if let result {
        writer.name("result")
        result.write(to: &writer)
      }
    case .output(let fence, let stream, let offset, let bytes):
      writer.member("fence", fence.value)
      writer.member("stream", stream.name)
      writer.member("offset", offset)
      bytes.withUnsafeBufferPointer { bytes in
        if WireText.isPlain(bytes) {
          writer.name("text")
          writer.string(utf8: bytes)
        } else {
          writer.name("base64")
          Base64.encode(bytes).withUnsafeBufferPointer { writer.string(utf8: $0) }
        }
      }
    case .heartbeat(let number):
      writer.member("number", number)
    case .unfit(let reason), .goodbye(let reason):
      writer.member("reason", WireText.words(reason))
    }
    writer.endObject()
  }

  public init(reading reader: inout JSONReader) throws(JSONFault) {
    let type = try reader.messageType()
    let name = reader.string(type)
    guard let known = TypeName(rawValue: name) else {
      throw JSONFault(offset: type.offset, message: "unknown message type \"\(reader.shown(type))\"")
    }
    var members = MessageMembers(of: "the message \"\(name)\"")
    switch known {
    case .hello: self = .hello(try Hello(reading: &reader, &members))
    case .attempts: self = try Self.attempts(&reader, &members)
    case .started: self = try Self.started(&reader, &members)
    case .ended:
      let (fence, result) = try Self.fenceAndResult(&reader, &members)
      self = .ended(fence, try members.require(result, "result"))
    case .revoked: self = .revoked(try members.fenceAlone(&reader))
    case .handedBack:
      let (fence, result) = try Self.fenceAndResult(&reader, &members)
      self = .handedBack(fence, result)
    case .output: self = try Self.output(&reader, &members)
    case .heartbeat: self = .heartbeat(try members.numberAlone(&reader))
    case .unfit: self = .unfit(reason: try Self.reason(&reader, &members))
    case .goodbye: self = .goodbye(reason: try Self.reason(&reader, &members))
    }
  }

  private static func attempts(
    _ reader: inout JSONReader, _ members: inout MessageMembers
  ) throws(JSONFault) -> ToCoordinator {
    var attempts: [Held]?
    var isLast: Bool?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "attempts") {
        var list: [Held] = []
        try reader.array { (reader, _) throws(JSONFault) in list.append(try Held(reading: &reader)) }
        attempts = list
      } else if reader.text(name, is: "isLast") {
        isLast = try reader.boolean()
      } else {
        return false
      }
      return true
    }
    return .attempts(try members.require(attempts, "attempts"), isLast: try members.require(isLast, "isLast"))
  }

  private static func started(
    _ reader: inout JSONReader, _ members: inout MessageMembers
  ) throws(JSONFault) -> ToCoordinator {
    var fence: Fence?
    var at: Int64?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "fence") {
        fence = try reader.fence()
      } else if reader.text(name, is: "at") {
        at = try reader.integer()
      } else {
        return false
      }
      return true
    }
    return .started(
      try members.require(fence, "fence"), at: WallTime(nanoseconds: try members.require(at, "at")))
  }

  private static func fenceAndResult(
    _ reader: inout JSONReader, _ members: inout MessageMembers
  ) throws(JSONFault) -> (Fence, AttemptResult?) {
    var fence: Fence?
    var result: AttemptResult?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "fence") {
        fence = try reader.fence()
      } else if reader.text(name, is: "result") {
        result = try AttemptResult(reading: &reader)
      } else {
        return false
      }
      return true
    }
    return (try members.require(fence, "fence"), result)
  }

  private static func output(
    _ reader: inout JSONReader, _ members: inout MessageMembers
  ) throws(JSONFault) -> ToCoordinator {
    var fence: Fence?
    var stream: OutputStream?
    var offset: Int64?
    var text: [UInt8]?
    var base64: [UInt8]?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "fence") {
        fence = try reader.fence()
      } else if reader.text(name, is: "stream") {
        stream = try reader.oneOf(OutputStream.allCases, by: \.name, what: "stream")
      } else if reader.text(name, is: "offset") {
        offset = try reader.count()
      } else if reader.text(name, is: "text") {
        text = reader.unescaped(try reader.text())
      } else if reader.text(name, is: "base64") {
        base64 = try WireText.base64(&reader)
      } else {
        return false
      }
      return true
    }
    let start = try members.require(offset, "offset")
    if text != nil && base64 != nil { throw members.fault("has both \"text\" and \"base64\"") }
    let bytes = try members.require(text ?? base64, "text\" or \"base64")
    if start.addingReportingOverflow(Int64(bytes.count)).overflow {
      throw members.fault("ends beyond 64 bits")
    }
    return .output(
      try members.require(fence, "fence"), try members.require(stream, "stream"), offset: start, bytes)
  }

  private static func reason(
    _ reader: inout JSONReader, _ members: inout MessageMembers
  ) throws(JSONFault) -> String {
    var reason: String?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      guard reader.text(name, is: "reason") else { return false }
      reason = try reader.string()
      return true
    }
    return try members.require(reason, "reason")
  }
}
