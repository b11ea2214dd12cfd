import Foundation
import Glibc

/// A TCP connection to a port on loopback, for tests that say what no well-behaved program would.
final class Socket: Sendable {
  private let descriptor: Int32

  struct Failed: Error, CustomStringConvertible {
    var description: String
    init(_ what: String) { description = "\(what): \(String(cString: strerror(errno)))" }
  }

  init(port: UInt16, timeoutSeconds: Int = 60) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Failed("socket") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    guard connected == 0 else {
      let failed = Failed("connect to port \(port)")
      close(descriptor)
      throw failed
    }
  }

  deinit { close(descriptor) }

  /// All of it, or as much as the other side takes before it closes: that is its right.
  func write(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  func finishWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// What has come: empty at the end of the stream, nil where nothing has come at present.
  func readWithoutWaiting() throws -> [UInt8]? {
    try read(flags: Int32(MSG_DONTWAIT))
  }

  /// The next bytes, empty at the end of the stream.
  func read() throws -> [UInt8] {
    guard let bytes = try read(flags: 0) else { throw Failed("no answer") }
    return bytes
  }

  private func read(flags: Int32) throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    let count = recv(descriptor, &buffer, buffer.count, flags)
    // A reset is an end too: the other side closed with bytes of ours unread.
    if count < 0 && errno == ECONNRESET { return [] }
    if count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) { return nil }
    guard count >= 0 else { throw Failed("recv") }
    return Array(buffer[..<count])
  }

  /// Waits for the other side to close, and gives what it said before.
  func remainder(within seconds: Double = 60) async throws -> [UInt8] {
    var all: [UInt8] = []
    try await eventually("the other side closes", within: seconds) {
      while let bytes = try readWithoutWaiting() {
        if bytes.isEmpty { return true }
        all += bytes
      }
      return false
    }
    return all
  }
}
