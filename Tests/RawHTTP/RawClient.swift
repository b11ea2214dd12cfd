import Glibc
public import HTTP

/// A client that sends whatever bytes a test wants, and reads answers.
public final class RawClient {
  public struct Answer {
    public var status: Int
    public var headers: [String: String]
    public var body: [UInt8]
    /// The body ended as its framing says.
    public var isWhole: Bool
    public var text: String { String(decoding: body, as: UTF8.self) }
  }
  public let descriptor: Int32
  private var buffer: [UInt8] = []
  private var isInChunks = false

  public init(_ address: ListenAddress) {
    let family = address.host.contains(":") ? AF_INET6 : AF_INET
    descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    // A test that waits in vain fails instead of hanging.
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    // Else a body after its head waits 40 ms for the head's acknowledgement.
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    let connected: Int32
    if family == AF_INET6 {
      var to = sockaddr_in6()
      to.sin6_family = sa_family_t(AF_INET6)
      to.sin6_port = address.port.bigEndian
      inet_pton(AF_INET6, address.host, &to.sin6_addr)
      connected = withUnsafePointer(to: &to) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
      }
    } else {
      var to = sockaddr_in()
      to.sin_family = sa_family_t(AF_INET)
      to.sin_port = address.port.bigEndian
      inet_pton(AF_INET, address.host, &to.sin_addr)
      connected = withUnsafePointer(to: &to) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    precondition(connected == 0, "cannot connect to \(address)")
  }

  deinit { close(descriptor) }

  /// false: the server does not take it any more.
  @discardableResult
  public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  @discardableResult
  public func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  /// Asks with any method and headers and reads the answer.
  public func ask(
    _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) -> Answer? {
    var head = "\(method) \(path) HTTP/1.1\r\nHost: x\r\n"
    for header in headers { head += "\(header.name): \(header.value)\r\n" }
    if !body.isEmpty { head += "Content-Length: \(body.count)\r\n" }
    send(Array("\(head)\r\n".utf8) + body)
    return answer(toHead: method == "HEAD")
  }

  public func get(_ path: String) -> Answer? {
    send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
    return answer()
  }

  public func post(_ path: String, _ body: [UInt8]) -> Answer? {
    send("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
    send(body)
    return answer()
  }

  /// The next answer; nil: the server closed without one.
  public func answer(toHead isHead: Bool = false) -> Answer? {
    guard let end = read(until: Array("\r\n\r\n".utf8)) else { return nil }
    let lines = String(decoding: buffer[..<end], as: UTF8.self).split(separator: "\r\n")
    buffer.removeFirst(end + 4)
    let status = Int(lines[0].split(separator: " ")[1])!
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let colon = line.firstIndex(of: ":")!
      headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    var answer = Answer(status: status, headers: headers, body: [], isWhole: true)
    if isHead { return answer }
    if headers["transfer-encoding"] == "chunked" {
      answer.isWhole = false
      while let line = read(until: Array("\r\n".utf8)) {
        let size = Int(String(decoding: buffer[..<line], as: UTF8.self), radix: 16)!
        buffer.removeFirst(line + 2)
        guard let chunk = read(count: size), read(count: 2) != nil else { break }
        answer.body += chunk
        if size == 0 {
          answer.isWhole = true
          break
        }
      }
    } else if let length = headers["content-length"].flatMap({ Int($0) }) {
      if let body = read(count: length) { answer.body = body } else { answer.isWhole = false }
    }
    return answer
  }

  /// The next chunk of a chunked answer, after its head: "" is the last; nil: the server closed.
  public func chunk() -> String? {
    if !isInChunks {
      guard let end = read(until: Array("\r\n\r\n".utf8)) else { return nil }
      buffer.removeFirst(end + 4)
      isInChunks = true
    }
    guard let line = read(until: Array("\r\n".utf8)) else { return nil }
    let size = Int(String(decoding: buffer[..<line], as: UTF8.self), radix: 16)!
    buffer.removeFirst(line + 2)
    guard let chunk = read(count: size), read(count: 2) != nil else { return nil }
    if size == 0 { isInChunks = false }
    return String(decoding: chunk, as: UTF8.self)
  }

  /// Reads what comes until the server closes; true when it did so in order or by a reset.
  public func isClosedByServer() -> Bool {
    while true {
      switch more() {
      case .some(true): continue
      case .some(false): return true
      case nil: return false
      }
    }
  }

  private func read(count: Int) -> [UInt8]? {
    while buffer.count < count { if more() != true { return nil } }
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }

  private func read(until mark: [UInt8]) -> Int? {
    var from = 0
    while true {
      if buffer.count >= mark.count {
        for at in from...(buffer.count - mark.count) where buffer[at..<at + mark.count].elementsEqual(mark) {
          return at
        }
        from = buffer.count - mark.count + 1
      }
      if more() != true { return nil }
    }
  }

  /// nil: nothing came for too long; false: closed.
  private func more() -> Bool? {
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    if count > 0 {
      buffer += chunk[..<count]
      return true
    }
    if count < 0, errno == EAGAIN { return nil }
    return false
  }
}
