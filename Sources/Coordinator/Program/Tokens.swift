import Glibc
import System

/// The secrets of a data directory: made at the first start, read at each.
struct Tokens: Sendable {
  /// Opens the REST API.
  var admin: String
  /// Lets agents of this host in.
  var agent: String

  /// 256 bits.
  private static let randomBytes = 32

  init(in directory: DataDirectory) throws(StoreFault) {
    do throws(SystemError) {
      admin = try Self.token("admin.token", in: directory)
      agent = try Self.token("agent.token", in: directory)
    } catch {
      throw StoreFault(error)
    }
  }

  private static func token(_ name: String, in directory: DataDirectory) throws(SystemError) -> String {
    let path = directory.file(name)
    if access(path, F_OK) == 0 {
      let text = String(decoding: try Files.read(path), as: UTF8.self)
      let token = text.split(whereSeparator: \.isWhitespace).joined()
      if token.isEmpty {
        throw SystemError(.other, "\(path) is empty: remove it, and a new one is made at the next start")
      }
      return token
    }
    let token = Random.hex(bytes: randomBytes)
    Failpoint.tokenMakeBefore.pass()
    try Files.writeAtomically(Array("\(token)\n".utf8), to: path)
    Failpoint.tokenMakeAfter.pass()
    return token
  }
}
