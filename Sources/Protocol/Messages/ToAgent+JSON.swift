// How the coordinator's messages stand in JSON; docs/PROTOCOL.md describes them for people. Tests hold the
// bytes of every case against golden files.

extension ToAgent: WireMessage {
  /// The values of the member `type`.
  enum TypeName: String, CaseIterable {
    case welcome, refused, start, revoke, kill, endsAcknowledged, outputAcknowledged, heartbeatAcknowledged
  }

  var typeName: TypeName {
    switch self {
    case .welcome: .welcome
    case .refused: .refused
    case .start: .start
    case .revoke: .revoke
    case .kill: .kill
    case .endsAcknowledged: .endsAcknowledged
    case .outputAcknowledged: .outputAcknowledged
    case .heartbeatAcknowledged: .heartbeatAcknowledged
    }
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("type", typeName.rawValue)
    switch self {
    case .welcome(let welcome):
      writer.member("version", welcome.version)
      writer.member("epoch", welcome.epoch.value)
      writer.member("heartbeatMilliseconds", welcome.heartbeatMilliseconds)
      writer.member("leaseMilliseconds", welcome.leaseMilliseconds)
    case .refused(let code, let message, let retryable):
      writer.member("code", code.rawValue)
      writer.member("message", WireText.words(message))
      writer.member("retryable", retryable)
    case .start(let start):
      writer.member("fence", start.fence.value)
      writer.member("run", start.run.value)
      writer.member("task", start.task)
      writer.member("attempt", start.number.value)
      writer.name("job")
      start.job.write(to: &writer)
      if let seconds = start.lease.seconds { writer.member("leaseSeconds", seconds) }
    case .revoke(let fence):
      writer.member("fence", fence.value)
    case .kill(let fence, let graceSeconds, let reason):
      writer.member("fence", fence.value)
      if let graceSeconds { writer.member("graceSeconds", graceSeconds) }
      writer.member("reason", WireText.words(reason))
    case .endsAcknowledged(let fences):
      writer.name("fences")
      writer.beginArray()
      for fence in fences { writer.integer(fence.value) }
      writer.endArray()
    case .outputAcknowledged(let fence, let stream, let offset):
      writer.member("fence", fence.value)
      writer.member("stream", stream.name)
      writer.member("offset", offset)
    case .heartbeatAcknowledged(let number):
      writer.member("number", number)
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
    case .welcome: self = .welcome(try Welcome(reading: &reader, &members))
    case .refused: self = try Self.refused(&reader, &members)
    case .start: self = .start(try Start(reading: &reader, &members))
    case .revoke:
      self = .revoke(try members.fenceAlone(&reader))
    case .kill: self = try Self.kill(&reader, &members)
    case .endsAcknowledged: self = try Self.endsAcknowledged(&reader, &members)
    case .outputAcknowledged: self = try Self.outputAcknowledged(&reader, &members)
    case .heartbeatAcknowledged: self = .heartbeatAcknowledged(try members.numberAlone(&reader))
    }
  }

  private static func refused(
    _ reader: inout JSONReader, _ members: inout MessageMembers
  ) throws(JSONFault) -> ToAgent {
    var code: RefusalCode?
    var message: String?
    var retryable: Bool?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "code") {
        code = try reader.oneOf(RefusalCode.allCases, by: \.rawValue, what: "refusal code")
      } else if reader.text(name, is: "message") {
        message = try reader.string()
      } else if reader.text(name, is: "retryable") {
        retryable = try reader.boolean()
      } else {
        return false
      }
      return true
    }
    return .refused(
      code: try members.require(code, "code"), message: try members.require(message, "message"),
      retryable: try members.require(retryable, "retryable"))
  }

  private static func kill(
    _ reader: inout JSONReader, _ members: inout MessageMembers
  ) throws(JSONFault) -> ToAgent {
    var fence: Fence?
    var graceSeconds: Int32?
    var reason: String?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "fence") {
        fence = try reader.fence()
      } else if reader.text(name, is: "graceSeconds") {
        graceSeconds = try reader.integer32(atLeast: 0)
      } else if reader.text(name, is: "reason") {
        reason = try reader.string()
      } else {
        return false
      }
      return true
    }
    return .kill(
      try members.require(fence, "fence"), graceSeconds: graceSeconds,
      reason: try members.require(reason, "reason"))
  }

  private static func endsAcknowledged(
    _ reader: inout JSONReader, _ members: inout MessageMembers
  ) throws(JSONFault) -> ToAgent {
    var fences: [Fence]?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      guard reader.text(name, is: "fences") else { return false }
      var list: [Fence] = []
      try reader.array { (reader, _) throws(JSONFault) in list.append(try reader.fence()) }
      fences = list
      return true
    }
    return .endsAcknowledged(try members.require(fences, "fences"))
  }

  private static func outputAcknowledged(
    _ reader: inout JSONReader, _ members: inout MessageMembers
  ) throws(JSONFault) -> ToAgent {
    var fence: Fence?
    var stream: OutputStream?
    var offset: Int64?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "fence") {
        fence = try reader.fence()
      } else if reader.text(name, is: "stream") {
        stream = try reader.oneOf(OutputStream.allCases, by: \.name, what: "stream")
      } else if reader.text(name, is: "offset") {
        offset = try reader.count()
      } else {
        return false
      }
      return true
    }
    return .outputAcknowledged(
      try members.require(fence, "fence"), try members.require(stream, "stream"),
      offset: try members.require(offset, "offset"))
  }
}

extension ToAgent.Welcome {
  fileprivate init(reading reader: inout JSONReader, _ members: inout MessageMembers) throws(JSONFault) {
    var version: Int32?
    var epoch: Int64?
    var heartbeat: Int64?
    var lease: Int64?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "version") {
        version = try reader.integer32(atLeast: 0)
      } else if reader.text(name, is: "epoch") {
        epoch = try reader.count()
      } else if reader.text(name, is: "heartbeatMilliseconds") {
        heartbeat = try reader.milliseconds()
      } else if reader.text(name, is: "leaseMilliseconds") {
        lease = try reader.milliseconds()
      } else {
        return false
      }
      return true
    }
    self.init(
      version: Int(try members.require(version, "version")),
      epoch: Epoch(try members.require(epoch, "epoch")),
      heartbeatMilliseconds: try members.require(heartbeat, "heartbeatMilliseconds"),
      leaseMilliseconds: try members.require(lease, "leaseMilliseconds"))
  }
}

extension ToAgent.Start {
  fileprivate init(reading reader: inout JSONReader, _ members: inout MessageMembers) throws(JSONFault) {
    var fence: Fence?
    var run: Int64?
    var task: String?
    var number: Int32?
    var job: Job?
    var lease = TaskLease.standard
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "fence") {
        fence = try reader.fence()
      } else if reader.text(name, is: "run") {
        run = try reader.count()
      } else if reader.text(name, is: "task") {
        task = try reader.string()
      } else if reader.text(name, is: "attempt") {
        number = try reader.integer32(atLeast: 1)
      } else if reader.text(name, is: "job") {
        job = try Job(reading: &reader)
      } else if reader.text(name, is: "leaseSeconds") {
        lease = try reader.lease()
      } else {
        return false
      }
      return true
    }
    self.init(
      fence: try members.require(fence, "fence"), run: RunID(try members.require(run, "run")),
      task: try members.require(task, "task"),
      number: AttemptNumber(try members.require(number, "attempt")), job: try members.require(job, "job"),
      lease: lease)
  }
}

extension JSONReader {
  fileprivate mutating func lease() throws(JSONFault) -> TaskLease {
    _ = try peek()
    let offset = offset
    if let lease = TaskLease(seconds: try integer32(atLeast: 0)) { return lease }
    let range = TaskLease.range
    throw JSONFault(
      offset: offset,
      message: "0 or a number from \(range.lowerBound) to \(range.upperBound) should stand here")
  }
}
