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
    world?.write(to: &writer)
    writer.endObject()
  }

  private static func write(_ texts: [String], as name: String, to writer: inout JSONWriter) {
    writer.name(name)
    writer.beginArray()
    for text in texts { WireText.write(text, to: &writer) }
    writer.endArray()
  }

  convenience init(reading reader: inout JSONReader) throws(JSONFault) {
    var members = MessageMembers(of: "a job")
    var command: [String] = []
    var environment: [String] = []
    var workingDirectory: String?
    var needs: ResourceVector?
    var isMemoryStated = false
    var timeoutSeconds: Int32 = 0
    var killGraceSeconds: Int32?
    var world = World.Members()
    try members.read(&reader) { (reader, name) throws(JSONFault) in
      if reader.text(name, is: "command") {
        command = try Self.texts(&reader)
      } else if reader.text(name, is: "environment") {
        environment = try Self.texts(&reader)
      } else if reader.text(name, is: "workingDirectory") {
        workingDirectory = try WireText.read(&reader)
      } else if reader.text(name, is: "needs") {
        needs = try ResourceVector(reading: &reader)
      } else if reader.text(name, is: "enforceMemory") {
        isMemoryStated = try reader.boolean()
      } else if reader.text(name, is: "timeoutSeconds") {
        timeoutSeconds = try reader.integer32(atLeast: 0)
      } else if reader.text(name, is: "killGraceSeconds") {
        killGraceSeconds = try reader.integer32(atLeast: 0)
      } else {
        return try world.read(&reader, name)
      }
      return true
    }
    self.init(
      command: try members.require(command.isEmpty ? nil : command, "command"), environment: environment,
      workingDirectory: workingDirectory, needs: try members.require(needs, "needs"),
      isMemoryStated: isMemoryStated, timeoutSeconds: timeoutSeconds, killGraceSeconds: killGraceSeconds,
      world: world.world)
  }

  private static func texts(_ reader: inout JSONReader) throws(JSONFault) -> [String] {
    var texts: [String] = []
    try reader.array { (reader, _) throws(JSONFault) in texts.append(try WireText.read(&reader)) }
    return texts
  }
}
