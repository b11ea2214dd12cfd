import Foundation
import Protocol
import Testing

@testable import CLI

@Suite struct EndpointTests {
  /// A data directory with what a coordinator leaves there, removed after.
  private func withHome<Result>(_ body: (_ home: String, _ folder: String) throws -> Result) throws -> Result
  {
    let home = FileManager.default.temporaryDirectory.appendingPathComponent("caravan-\(UUID().uuidString)")
      .path
    let folder = home + "/caravan/coordinator"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: home) }
    try Data(#"{"http": "127.0.0.1:4711", "agents": "127.0.0.1:4712", "pid": 1}"#.utf8)
      .write(to: URL(fileURLWithPath: folder + "/endpoints.json"))
    try Data("secret\n".utf8).write(to: URL(fileURLWithPath: folder + "/admin.token"))
    return try body(home, folder)
  }

  private func find(_ words: [String] = [], _ environment: [String: String]) throws -> Endpoint {
    try Endpoint.find(
      flags: FlagParser(Command.connection).parse(words), environment: environment, userID: 1000)
  }

  @Test func `a coordinator on this host is found by its data directory`() throws {
    try withHome { home, _ in
      let found = try find([], ["XDG_DATA_HOME": home])
      #expect(found == Endpoint(url: URL(string: "http://127.0.0.1:4711")!, token: "secret"))
    }
  }

  @Test func `flags go before the environment and that before this host's files`() throws {
    try withHome { home, folder in
      let other = folder + "/other.token"
      try Data("other".utf8).write(to: URL(fileURLWithPath: other))
      let environment = [
        "XDG_DATA_HOME": home, "CARAVAN_URL": "http://b:2/", "CARAVAN_TOKEN": "fromEnvironment",
      ]
      #expect(try find([], environment).url.absoluteString == "http://b:2")
      #expect(try find([], environment).token == "fromEnvironment")
      let flagged = try find(["--url", "c:3", "--token-file", other], environment)
      #expect(flagged == Endpoint(url: URL(string: "http://c:3")!, token: "other"))
      let byFile = try find([], environment.merging(["CARAVAN_TOKEN_FILE": other]) { $1 })
      #expect(byFile.token == "other")
    }
  }

  @Test func `this host's token goes to nobody else`() throws {
    try withHome { home, _ in
      let elsewhere = try find(["--url", "http://elsewhere:2503"], ["XDG_DATA_HOME": home])
      #expect(elsewhere.token == nil)
      let here = try find(["--url", "127.0.0.1:4711"], ["XDG_DATA_HOME": home])
      #expect(here.token == "secret")
    }
  }

  @Test func `where there is no coordinator the message says what to do`() throws {
    let fault = #expect(throws: CommandFault.self) { try find([], ["HOME": "/nonexistent"]) }
    #expect(fault?.code == .unreachable)
    #expect(fault?.message.contains("caravan up") == true)
    #expect(throws: CommandFault.self) { try find([], [:]) }
  }

  @Test func `a file that is no announcement is not believed`() throws {
    try withHome { home, folder in
      try Data("{".utf8).write(to: URL(fileURLWithPath: folder + "/endpoints.json"))
      let fault = #expect(throws: CommandFault.self) { try find([], ["XDG_DATA_HOME": home]) }
      #expect(fault?.code == .unreachable)
    }
  }

  @Test func `a token of two lines is refused`() throws {
    try withHome { _, folder in
      try Data("a\nb\n".utf8).write(to: URL(fileURLWithPath: folder + "/admin.token"))
      let fault = #expect(throws: CommandFault.self) { try Endpoint.readToken(folder + "/admin.token") }
      #expect(fault?.code == .usage)
    }
  }

  @Test(arguments: [
    ("localhost", true), ("127.0.0.1", true), ("127.1.2.3", true), ("::1", true), ("128.0.0.1", false),
    ("127.0.0.1.example", false), ("127.example.org", false), ("localhost.example", false),
  ])
  func `loopback is told from what looks like it`(host: String, isLoopback: Bool) {
    #expect(Client.isLoopback(host) == isLoopback)
  }

  @Test func `what stands in a path is encoded`() {
    #expect(Client.encoded("a_0.b:c-d~") == "a_0.b%3Ac-d~")
    #expect(Client.encoded("a/b?c=é&\n%") == "a%2Fb%3Fc%3D%C3%A9%26%0A%25")
  }
}
