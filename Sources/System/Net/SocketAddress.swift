import CSystem
import Glibc

/// An IPv4 or IPv6 address with a port, ready for the kernel.
public struct SocketAddress: Sendable, CustomStringConvertible {
  private var storage: sockaddr_storage
  private var length: socklen_t

  init(storage: sockaddr_storage, length: socklen_t) {
    self.storage = storage
    self.length = length
  }

  /// The addresses behind a host, in the order in which they are best tried (getaddrinfo(3)). A name may
  /// take as long as its name servers do, so that no loop's thread asks; `numericOnly` asks nobody.
  public static func resolve(
    _ target: HostPort, numericOnly: Bool = false, forListening: Bool = false
  ) throws(SystemError) -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags =
      AI_NUMERICSERV | (numericOnly ? AI_NUMERICHOST : 0) | (forListening ? AI_PASSIVE : 0)
    var list: UnsafeMutablePointer<addrinfo>?
    let failure = getaddrinfo(target.host, String(target.port), &hints, &list)
    if failure != 0 {
      throw SystemError(.notFound, "no address for \(target.host): \(String(cString: gai_strerror(failure)))")
    }
    defer { freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = list
    while let info = next {
      var storage = sockaddr_storage()
      memcpy(&storage, info.pointee.ai_addr, Int(info.pointee.ai_addrlen))
      found.append(SocketAddress(storage: storage, length: info.pointee.ai_addrlen))
      next = info.pointee.ai_next
    }
    return found
  }

  /// The address that a socket is bound to.
  public init(boundTo fd: Int32) throws(SystemError) {
    try self.init(of: fd, by: getsockname)
  }

  /// The address of a connected socket's other end.
  public init(peerOf fd: Int32) throws(SystemError) {
    try self.init(of: fd, by: getpeername)
  }

  private init(
    of fd: Int32, by call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) throws(SystemError) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let failure = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(fd, $0, &length) }
    }
    if failure < 0 { throw SystemError("cannot tell a socket's address") }
    self.init(storage: storage, length: length)
  }

  public var family: Int32 { Int32(storage.ss_family) }

  public func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  /// Numeric, as `HostPort` reads it.
  public var hostPort: HostPort {
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
    let failure = withPointer {
      getnameinfo(
        $0, $1, &host, socklen_t(host.count), &service, socklen_t(service.count),
        NI_NUMERICHOST | NI_NUMERICSERV)
    }
    if failure != 0 { return HostPort(host: "unknown", port: 0) }
    return HostPort(host: string(host), port: UInt16(string(service)) ?? 0)
  }

  private func string(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  public var description: String { hostPort.description }
}
