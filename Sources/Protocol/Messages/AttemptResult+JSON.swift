extension AttemptResult {
  /// Members that are 0, "" or not there are left out, but for `rc`, `start` and `stop`.
  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("kind", kind.name)
    writer.member("rc", rc)
    writer.member("start", start.nanoseconds)
    writer.member("stop", stop.nanoseconds)
    if !words.isEmpty { writer.member("words", WireText.words(words)) }
    if cpuMicroseconds != 0 { writer.member("cpuMicroseconds", cpuMicroseconds) }
    if peakMemoryKB != 0 { writer.member("peakMemoryKB", peakMemoryKB) }
    if stdoutBytes != 0 { writer.member("stdoutBytes", stdoutBytes) }
    if stderrBytes != 0 { writer.member("stderrBytes", stderrBytes) }
    if let stopped { writer.member("stopped", stopped.name) }
    writer.endObject()
  }

  init(reading reader: inout JSONReader) throws(JSONFault) {
    var members = MessageMembers(of: "a result")
    var kind: Kind?
    var rc: Int32?
    var start: Int64?
    var stop: Int64?
    var result = AttemptResult(rc: 0, start: .none, stop: .none)
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "kind") {
        kind = try reader.oneOf(Kind.allCases, by: \.name, what: "kind of result")
      } else if reader.text(name, is: "rc") {
        rc = try reader.integer32(atLeast: .min)
      } else if reader.text(name, is: "start") {
        start = try reader.integer()
      } else if reader.text(name, is: "stop") {
        stop = try reader.integer()
      } else if reader.text(name, is: "words") {
        result.words = try reader.string()
      } else if reader.text(name, is: "cpuMicroseconds") {
        result.cpuMicroseconds = try reader.count()
      } else if reader.text(name, is: "peakMemoryKB") {
        result.peakMemoryKB = try reader.count()
      } else if reader.text(name, is: "stdoutBytes") {
        result.stdoutBytes = try reader.count()
      } else if reader.text(name, is: "stderrBytes") {
        result.stderrBytes = try reader.count()
      } else if reader.text(name, is: "stopped") {
        result.stopped = try reader.oneOf(Stop.allCases, by: \.name, what: "stop")
      } else {
        return false
      }
      return true
    }
    result.kind = try members.require(kind, "kind")
    result.rc = try members.require(rc, "rc")
    result.start = WallTime(nanoseconds: try members.require(start, "start"))
    result.stop = WallTime(nanoseconds: try members.require(stop, "stop"))
    self = result
  }
}
