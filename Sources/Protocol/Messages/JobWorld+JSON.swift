extension Job.World {
  /// Its members, inside of the job's object; what was not said is left out.
  func write(to writer: inout JSONWriter) {
    switch stdin {
    case .text(let text):
      writer.name("stdin")
      WireText.write(text, to: &writer)
    case .file(let path):
      writer.name("stdinFile")
      WireText.write(path, to: &writer)
    case nil: break
    }
    if let umask { writer.member("umask", umask.text) }
    if let openFiles { writer.member("openFiles", openFiles) }
    if isPinned { writer.member("pin", true) }
  }

  /// What was read so far.
  struct Members {
    private var stdin: Input?
    private var umask: FileMask?
    private var openFiles: Int32?
    private var isPinned = false

    var world: Job.World? { Job.World(stdin: stdin, umask: umask, openFiles: openFiles, isPinned: isPinned) }

    /// Whether it knows the name; its value is read then.
    mutating func read(_ reader: inout JSONReader, _ name: JSONReader.Text) throws(JSONFault) -> Bool {
      if reader.text(name, is: "stdin") {
        stdin = .text(try WireText.read(&reader))
      } else if reader.text(name, is: "stdinFile") {
        stdin = .file(try WireText.read(&reader))
      } else if reader.text(name, is: "umask") {
        let text = try reader.text()
        guard let mask = FileMask(octal: reader.unescaped(text)) else {
          throw JSONFault(offset: text.offset, message: "octal digits like 027 should stand here")
        }
        umask = mask
      } else if reader.text(name, is: "openFiles") {
        openFiles = try reader.integer32(atLeast: 1)
      } else if reader.text(name, is: "pin") {
        isPinned = try reader.boolean()
      } else {
        return false
      }
      return true
    }
  }
}
