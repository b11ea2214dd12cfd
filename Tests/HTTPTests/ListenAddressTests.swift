import HTTP
import Testing

@Suite struct ListenAddressTests {
  @Test(arguments: [
    ("127.0.0.1:2503", "127.0.0.1", 2503), ("[::1]:0", "::1", 0), ("localhost:65535", "localhost", 65535),
  ])
  func `an address is read as it is written`(text: String, host: String, port: Int) {
    let address = ListenAddress(text)
    #expect(address == ListenAddress(host: host, port: UInt16(port)))
    #expect(address?.description == text)
  }

  @Test(arguments: ["", ":1", "host", "host:", "host:65536", "host:-1", "host:+1", "::1:80", "host:1x"])
  func `what is no address is refused`(text: String) { #expect(ListenAddress(text) == nil) }
}
