import Protocol
import System
import Testing

@testable import Agent

struct AgentCommandLineTests {
  private func settings(_ words: [String]) throws -> AgentSettings {
    let needed = ["--coordinator", "127.0.0.1:2504", "--data-dir", "/data", "--token-file", "/token"]
    guard case .run(let settings) = try AgentCommandLine.parse(needed + words) else {
      throw FlagFault("it was no wish to run")
    }
    return settings
  }

  @Test func `what is said is taken`() throws {
    let settings = try settings([
      "--name", "anna", "--cores", "1.5", "--memory-mb", "512", "--label", "a=b=c", "--label", "e=",
      "--work-dir",
      "/w",
    ])
    #expect(settings.name == "anna" && settings.workDirectory == "/w" && settings.isTokenFileGiven)
    #expect(settings.capacity == ResourceVector(milliCores: 1500, memoryMB: 512))
    #expect(settings.labels == ["a": "b=c", "e": ""])
    #expect(!settings.isRootAllowed)
  }

  @Test func `what is not said comes from the host`() throws {
    let settings = try settings([])
    #expect(settings.name == HostFacts.hostName && settings.capacity == HostFacts.capacity())
    #expect(settings.workDirectory == nil)
  }

  @Test(arguments: [
    ["--cores", "0"], ["--cores", "0.0001"], ["--cores", "1e3"], ["--cores", "many"], ["--cores", "-1"],
    ["--cores", "134217.729"], ["--cores", "1099511628"], ["--memory-mb", "134217729"],
    ["--memory-mb", "0"], ["--memory-mb", "1.5"], ["--label", "novalue"], ["--label", "=x"],
    ["--label", "a=1", "--label", "a=2"], ["--name", ""], ["--name", "two words"], ["stray"],
    ["--core", "1"],
  ])
  func `what does not hold is refused in words`(words: [String]) {
    #expect(throws: FlagFault.self) { try settings(words) }
  }

  @Test(arguments: ["here", "host:", ":1", "host:0", "::1:5"])
  func `an address that cannot be dialed is refused`(text: String) {
    #expect(throws: FlagFault.self) {
      try AgentCommandLine.parse(["--coordinator", text, "--data-dir", "/d"])
    }
  }

  @Test func `without a coordinator it says what is missing`() {
    do throws(FlagFault) {
      _ = try AgentCommandLine.parse([])
      Issue.record("it was content")
    } catch {
      #expect(error.message.contains("--coordinator"))
    }
  }
}
