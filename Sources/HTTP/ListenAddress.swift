import Glibc

/// Where to listen: `127.0.0.1:2503`, `[::1]:2503`, `localhost:0`. Port 0 takes a free one.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name or a numeric address, without brackets.
  public var host: String
  public var port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard let port = UInt16(digits), digits.allSatisfy(\.isNumber) else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    if host.isEmpty { return nil }
    self.init(host: String(host), port: port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Listens on the first address of the host that can be bound.
  func listen(backlog: Int32) throws(HTTPError) -> (descriptor: Int32, bound: ListenAddress) {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let failure = getaddrinfo(host, String(port), &hints, &found)
    guard failure == 0 else {
      throw HTTPError(
        code: .address, message: "cannot listen on \(self): \(String(cString: gai_strerror(failure)))")
    }
    defer { freeaddrinfo(found) }
    var reason: Int32 = EADDRNOTAVAIL
    var next = found
    while let info = next?.pointee {
      next = info.ai_next
      let kind = info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
      let descriptor = socket(info.ai_family, kind, info.ai_protocol)
      guard descriptor >= 0 else {
        reason = errno
        continue
      }
      // A coordinator that is started again must not wait for the connections of its last life (socket(7)).
      var on: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
      if bind(descriptor, info.ai_addr, info.ai_addrlen) == 0, Glibc.listen(descriptor, backlog) == 0 {
        return (
          descriptor, ListenAddress(host: Self.name(of: descriptor) ?? host, port: Self.port(of: descriptor))
        )
      }
      reason = errno
      close(descriptor)
    }
    let words = String(cString: strerror(reason))
    if reason == EADDRINUSE {
      throw HTTPError(
        code: .portTaken,
        message: "cannot listen on \(self): \(words); stop what listens there or choose another port")
    }
    throw HTTPError(code: .system, message: "cannot listen on \(self): \(words)")
  }

  private static func withAddress<Result>(
    of descriptor: Int32, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { bytes in
      let address = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
      getsockname(descriptor, address, &size)
      return body(address, size)
    }
  }

  private static func name(of descriptor: Int32) -> String? {
    withAddress(of: descriptor) { address, size in
      var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      guard getnameinfo(address, size, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0 else {
        return nil
      }
      return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }

  /// The port stands at the same place in `sockaddr_in` and `sockaddr_in6`.
  private static func port(of descriptor: Int32) -> UInt16 {
    withAddress(of: descriptor) { address, _ in
      address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
    }
  }
}
