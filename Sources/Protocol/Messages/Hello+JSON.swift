extension ToCoordinator.Hello {
  func writeMembers(to writer: inout JSONWriter) {
    writer.member("minVersion", minVersion)
    writer.member("maxVersion", maxVersion)
    writer.member("token", token)
    writer.member("name", name)
    writer.member("directoryID", incarnation.directoryID)
    writer.member("bootID", incarnation.bootID)
    writer.member("startNumber", incarnation.startNumber)
    writer.name("capacity")
    capacity.write(to: &writer)
    writer.name("labels")
    writer.beginObject()
    // By name: a dictionary's own order differs from process to process.
    for (name, value) in labels.sorted(by: { $0.key < $1.key }) { writer.member(name, value) }
    writer.endObject()
    writer.member("software", software)
    writer.member("pid", pid)
  }

  init(reading reader: inout JSONReader, _ members: inout MessageMembers) throws(JSONFault) {
    var minVersion: Int32?
    var maxVersion: Int32?
    var token: String?
    var name: String?
    var directoryID: String?
    var bootID: String?
    var startNumber: Int64?
    var capacity: ResourceVector?
    var labels: [String: String] = [:]
    var software = ""
    var pid: Int32?
    try members.read(&reader) { (reader, member) throws(JSONFault) in
      if reader.text(member, is: "minVersion") {
        minVersion = try reader.integer32(atLeast: 0)
      } else if reader.text(member, is: "maxVersion") {
        maxVersion = try reader.integer32(atLeast: 0)
      } else if reader.text(member, is: "token") {
        token = try reader.string()
      } else if reader.text(member, is: "name") {
        name = try reader.string()
      } else if reader.text(member, is: "directoryID") {
        directoryID = try reader.string()
      } else if reader.text(member, is: "bootID") {
        bootID = try reader.string()
      } else if reader.text(member, is: "startNumber") {
        startNumber = try reader.count()
      } else if reader.text(member, is: "capacity") {
        capacity = try ResourceVector(reading: &reader)
      } else if reader.text(member, is: "labels") {
        try reader.object { (reader, name) throws(JSONFault) in
          labels[reader.string(name)] = try reader.string()
        }
      } else if reader.text(member, is: "software") {
        software = try reader.string()
      } else if reader.text(member, is: "pid") {
        pid = try reader.integer32(atLeast: 1)
      } else {
        return false
      }
      return true
    }
    self.init(
      minVersion: Int(try members.require(minVersion, "minVersion")),
      maxVersion: Int(try members.require(maxVersion, "maxVersion")),
      token: try members.require(token, "token"), name: try members.require(name, "name"),
      incarnation: Incarnation(
        directoryID: try members.require(directoryID, "directoryID"),
        bootID: try members.require(bootID, "bootID"),
        startNumber: try members.require(startNumber, "startNumber")),
      capacity: try members.require(capacity, "capacity"), labels: labels, software: software,
      pid: try members.require(pid, "pid"))
  }
}
