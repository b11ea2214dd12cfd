import System
import Testing

struct HostPortTests {
  @Test(arguments: [
    ("127.0.0.1:2504", "127.0.0.1", 2504), ("[::1]:0", "::1", 0),
    ("build-7.example:65535", "build-7.example", 65535),
  ])
  func `a host and a port are read as they are written`(text: String, host: String, port: Int) throws {
    let read = try HostPort(text)
    #expect(read == HostPort(host: host, port: UInt16(port)))
    #expect(read.description == text)
  }

  @Test(arguments: ["", "localhost", ":80", "::1:80", "a:", "a:65536", "a:+1", "a: 1", "[]:1"])
  func `what is none is refused`(text: String) {
    #expect(throws: SystemError.self) { try HostPort(text) }
  }
}
