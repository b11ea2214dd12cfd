extension ToCoordinator.Held {
  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("fence", fence.value)
    switch phase {
    case .waiting:
      writer.member("phase", "waiting")
    case .running(let since):
      writer.member("phase", "running")
      writer.member("since", since.nanoseconds)
    case .ending(let result):
      writer.member("phase", "running")
      writer.member("since", result.start.nanoseconds)
      writer.name("result")
      result.write(to: &writer)
    case .ended(let result):
      writer.member("phase", "ended")
      writer.name("result")
      result.write(to: &writer)
    }
    writer.endObject()
  }

  init(reading reader: inout JSONReader) throws(JSONFault) {
    var members = MessageMembers(of: "an attempt of the list")
    var fence: Fence?
    var phase: String?
    var since: Int64?
    var result: AttemptResult?
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "fence") {
        fence = try reader.fence()
      } else if reader.text(name, is: "phase") {
        phase = try reader.oneOf(["waiting", "running", "ended"], by: \.self, what: "phase")
      } else if reader.text(name, is: "since") {
        since = try reader.integer()
      } else if reader.text(name, is: "result") {
        result = try AttemptResult(reading: &reader)
      } else {
        return false
      }
      return true
    }
    self.init(fence: try members.require(fence, "fence"), phase: .waiting)
    switch try members.require(phase, "phase") {
    case "running":
      let since = WallTime(nanoseconds: try members.require(since, "since"))
      self.phase = result.map { .ending($0) } ?? .running(since: since)
    case "ended": self.phase = .ended(try members.require(result, "result"))
    default: break
    }
  }
}

extension ToCoordinator {
  /// Lines of one `attempts` message: with the longest words in each it stays inside a frame.
  public static let heldPerMessage = 200

  /// The whole list in as many messages as it takes, at least one.
  public static func list(_ held: [Held]) -> [ToCoordinator] {
    var messages: [ToCoordinator] = []
    var first = 0
    repeat {
      let end = min(first + heldPerMessage, held.count)
      messages.append(.attempts(Array(held[first..<end]), isLast: end == held.count))
      first = end
    } while first < held.count
    return messages
  }
}
