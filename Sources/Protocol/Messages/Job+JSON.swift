extension Job {
  /// Members that are empty, false, 0 or nil are left out, but for `command` and `needs`.
  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    Self.write(command, as: "command", to: &writer)
    if !environment.isEmpty { Self.write(environment, as: "environment", to: &writer) }
    if let workingDirectory {
      writer.name("workingDirectory")
      WireText.write(workingDirectory, to: &writer)
    }
    writer.name("needs")
    needs.write(to: &writer)
    if isMemoryStated { writer.member("enforceMemory", true) }
    if timeoutSeconds != 0 { writer.member("timeoutSeconds", timeoutSeconds) }
    if let killGraceSeconds { writer.member("killGraceSeconds", killGraceSeconds) }
    writer.endObject()
  }

  private static func write(_ texts: [String], as name: String, to writer: inout JSONWriter) {
    writer.name(name)
    writer.beginArray()
    for text in texts { WireText.write(text, to: &writer) }
    writer.endArray()
  }

  init(reading reader: inout JSONReader) throws(JSONFault) {
    var members = MessageMembers(of: "a job")
    var command: [String] = []
    var needs: ResourceVector?
    var job = Job(command: [])
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "command") {
        command = try Self.texts(&reader)
      } else if reader.text(name, is: "environment") {
        job.environment = try Self.texts(&reader)
      } else if reader.text(name, is: "workingDirectory") {
        job.workingDirectory = try WireText.read(&reader)
      } else if reader.text(name, is: "needs") {
        needs = try ResourceVector(reading: &reader)
      } else if reader.text(name, is: "enforceMemory") {
        job.isMemoryStated = try reader.boolean()
      } else if reader.text(name, is: "timeoutSeconds") {
        job.timeoutSeconds = try reader.integer32(atLeast: 0)
      } else if reader.text(name, is: "killGraceSeconds") {
        job.killGraceSeconds = try reader.integer32(atLeast: 0)
      } else {
        return false
      }
      return true
    }
    job.command = try members.require(command.isEmpty ? nil : command, "command")
    job.needs = try members.require(needs, "needs")
    self = job
  }

  private static func texts(_ reader: inout JSONReader) throws(JSONFault) -> [String] {
    var texts: [String] = []
    try reader.array { (reader, _) throws(JSONFault) in texts.append(try WireText.read(&reader)) }
    return texts
  }
}
