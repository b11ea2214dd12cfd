import Foundation

/// A DAG document on the command line: a file, or `-` for standard input.
struct DocumentFile {
  let name: String
  let bytes: Data

  init(_ argument: String) throws(CommandFault) {
    if argument == "-" {
      name = "<stdin>"
      bytes = FileHandle.standardInput.readDataToEndOfFile()
      return
    }
    name = argument
    do {
      bytes = try Data(contentsOf: URL(fileURLWithPath: argument))
    } catch {
      var isFolder = ObjCBool(false)
      let exists = FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder)
      let why =
        !exists ? "there is no such file" : isFolder.boolValue ? "it is a folder" : "it cannot be read"
      throw CommandFault(.usage, "\(Printable.line(argument)): \(why)")
    }
  }
}
