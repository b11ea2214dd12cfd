import CSystem
import Glibc

/// Small files, whole.
public enum Files {
  /// Bytes that `read` takes at most: what is larger is no configuration.
  public static let readLimit = 16 << 20

  public static func read(_ path: String) throws(SystemError) -> [UInt8] {
    let raw = caravan_open(path, O_RDONLY, 0)
    if raw < 0 { throw SystemError("cannot open \(path)") }
    let file = FileDescriptor(owning: raw)
    return try read(open: file.raw, called: path)
  }

  /// From where the descriptor is to the end.
  public static func read(open fd: Int32, called path: String) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    let step = 16 << 10
    while bytes.count < readLimit {
      // By reading to the end, not by size: files of /proc have none.
      var failure: Int32 = 0
      let part = [UInt8](unsafeUninitializedCapacity: step) { buffer, filled in
        let count = Glibc.read(fd, buffer.baseAddress, step)
        failure = count < 0 ? errno : 0
        filled = max(0, count)
      }
      if failure == EINTR { continue }
      if failure != 0 { throw SystemError("cannot read \(path)", errno: failure) }
      if part.isEmpty { return bytes }
      bytes.append(contentsOf: part)
    }
    throw SystemError(.invalid, "\(path) is larger than \(readLimit >> 20) MiB")
  }

  /// A file's text without the white space around it; nil where there is none or it cannot be read.
  public static func line(_ path: String) -> String? {
    guard let bytes = try? read(path) else { return nil }
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    let text = bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
    return String(decoding: text, as: UTF8.self)
  }

  /// Replaces a file as a whole: after a crash it is the old one or the new one. Only its owner may read it.
  public static func writeAtomically(_ bytes: [UInt8], to path: String) throws(SystemError) {
    let temporary = path + ".new"
    try Failpoint.fileReplaceBefore.pass(or: SystemError("cannot write \(temporary)", errno: ENOSPC))
    let raw = caravan_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    if raw < 0 { throw SystemError("cannot write \(temporary)") }
    let file = FileDescriptor(owning: raw)
    try write(bytes[...], to: file.raw, path: temporary)
    if fsync(file.raw) < 0 { throw SystemError("cannot write \(temporary)") }
    try Failpoint.fileRenameBefore.pass(or: SystemError("cannot replace \(path)", errno: EIO))
    if rename(temporary, path) < 0 { throw SystemError("cannot replace \(path)") }
    Failpoint.fileRenameAfter.pass()
  }

  /// All of the bytes, at the descriptor's place.
  public static func write(_ bytes: ArraySlice<UInt8>, to fd: Int32, path: String) throws(SystemError) {
    var left = bytes
    while !left.isEmpty {
      let count = left.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
      if count < 0 && errno != EINTR { throw SystemError("cannot write \(path)") }
      left = left.dropFirst(max(0, count))
    }
  }

  /// Makes a directory and those above it that are missing; only its owner may enter what is made.
  public static func makeDirectory(_ path: String) throws(SystemError) {
    if mkdir(path, 0o700) == 0 { return }
    if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      try makeDirectory(String(path[..<slash]))
      if mkdir(path, 0o700) == 0 { return }
    }
    let failure = errno
    if failure == EEXIST {
      var info = stat()
      if stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR { return }
      throw SystemError(.invalid, "\(path) is in the way: it is no directory", errno: ENOTDIR)
    }
    throw SystemError("cannot make the directory \(path)", errno: failure)
  }

  /// The names in a directory, sorted; `.` and `..` left out.
  public static func names(in path: String) throws(SystemError) -> [String] {
    guard let directory = opendir(path) else { throw SystemError("cannot read the directory \(path)") }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
