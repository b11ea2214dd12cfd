/// `HOST:PORT` as people write it: `127.0.0.1:2503`, `[::1]:2503`, `build-7.example:0`.
public struct HostPort: Hashable, Sendable, CustomStringConvertible {
  /// A name or a numeric address, without brackets. Never empty.
  public let host: String
  /// 0: any free one (for listening).
  public let port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  public init(_ text: String) throws(SystemError) {
    guard let colon = text.lastIndex(of: ":") else {
      throw SystemError(.invalid, "\"\(text)\" has no port: write HOST:PORT, for example 127.0.0.1:2504")
    }
    var host = text[..<colon]
    let digits = text[text.index(after: colon)...]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw SystemError(.invalid, "\"\(text)\": an IPv6 address goes in brackets, as in [::1]:2504")
    }
    if host.isEmpty { throw SystemError(.invalid, "\"\(text)\" has no host: write HOST:PORT") }
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits)
    else {
      throw SystemError(.invalid, "\"\(digits)\" in \"\(text)\" is no port: a number from 0 to 65535")
    }
    self.init(host: String(host), port: port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
