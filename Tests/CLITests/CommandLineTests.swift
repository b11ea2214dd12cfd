import Protocol
import Testing

@testable import CLI

@Suite struct CommandLineTests {
  private func run(_ words: [String], environment: [String: String] = [:]) -> (
    ExitCode, out: String, err: String
  ) {
    let recorded = RecordedConsole()
    let code = CommandLineProgram.run(words, environment: environment, console: recorded.console)
    return (code, recorded.out, recorded.err)
  }

  @Test(arguments: [
    (["sumbit", "x"], "caravan: unknown command 'sumbit'; did you mean 'submit'?\n"),
    (["xyzzy"], "caravan: unknown command 'xyzzy'; 'caravan help' lists them\n"),
    (["help", "logz"], "caravan: unknown command 'logz'; did you mean 'logs'?\n"),
    (
      ["runs", "--al"], "caravan: runs: unknown flag --al; did you mean --all? ('caravan help runs')\n"
    ),
    (["submit"], "caravan: usage: caravan submit FILE|- [flags]\n"),
    (["kill"], "caravan: usage: caravan kill RUN [TASK] [flags]\n"),
    (["kill", "1", "a", "b"], "caravan: usage: caravan kill RUN [TASK] [flags]\n"),
    (["logs", "1"], "caravan: usage: caravan logs RUN TASK [flags]\n"),
    (["pause", "x"], "caravan: 'x' is no run's number; 'caravan runs --all' lists them\n"),
    (["pause", "-1"], "caravan: pause: unknown flag -1 ('caravan help pause')\n"),
    (
      ["pause", "99999999999999999999"],
      "caravan: '99999999999999999999' is no run's number; 'caravan runs --all' lists them\n"
    ),
    (
      ["logs", "1", "a", "--stream", "stdoot"],
      "caravan: --stream takes stdout, stderr, executor, not 'stdoot'; did you mean stdout?\n"
    ),
    (
      ["logs", "1", "a", "--attempt", "0"],
      "caravan: --attempt takes a whole number from 1 to 2147483647, not '0'\n"
    ),
    (["up", "--agents", "0"], "caravan: --agents takes a whole number from 1 to 100, not '0'\n"),
    (
      ["runs", "--url", "ftp://x"],
      "caravan: 'ftp://x' is no coordinator's URL; http://127.0.0.1:2503 is one\n"
    ),
    (["runs", "--url="], "caravan: '' is no coordinator's URL; http://127.0.0.1:2503 is one\n"),
    (
      ["submit", "/nonexistent/x.json", "--url", "localhost:1"],
      "caravan: /nonexistent/x.json: there is no such file\n"
    ),
    (["submit", "/", "--url", "localhost:1"], "caravan: /: it is a folder\n"),
    (["runs", "--token-file", "/nonexistent/t"], "caravan: the token file /nonexistent/t cannot be read\n"),
  ])
  func `wrong usage is one line and exit code 2`(words: [String], message: String) {
    let (code, out, err) = run(words)
    #expect(code == .usage)
    #expect(err == message)
    #expect(out.isEmpty)
  }

  @Test func `no command shows the commands and is wrong usage`() {
    let (code, out, err) = run([])
    #expect(code == .usage && out.isEmpty && err.contains("submit FILE|-"))
  }

  @Test func `help comes from the table`() {
    for words in [["help"], ["--help"], ["-h"]] {
      let (code, out, err) = run(words)
      #expect(code == .fine && err.isEmpty)
      for command in CommandTable.all { #expect(out.contains("  \(command.name)")) }
      for code in ExitCode.all { #expect(out.contains("  \(code.rawValue)  ")) }
    }
  }

  @Test(arguments: CommandTable.all.map(\.name)) func `each command says how it is used`(name: String) throws
  {
    let (code, out, _) = run(["help", name])
    #expect(code == .fine)
    let command = try CommandTable.find(name)
    #expect(out.hasPrefix("usage: caravan \(name)"))
    for flag in command.flags { #expect(out.contains("  --\(flag.name)")) }
    #expect(run([name, "--help"]).out == out)
  }

  @Test func `a command's name and its flags are there once`() {
    #expect(Set(CommandTable.all.map(\.name)).count == CommandTable.all.count)
    for command in CommandTable.all {
      #expect(Set(command.flags.map(\.name)).count == command.flags.count, "\(command.name)")
    }
  }

  @Test func `status is another word for show`() throws {
    #expect(try CommandTable.find("status").name == "show")
  }

  @Test func `arguments in brackets may be left out`() throws {
    #expect(try CommandTable.find("kill").argumentCounts == 1...2)
    #expect(try CommandTable.find("runs").argumentCounts == 0...0)
  }

  @Test func `the version is said`() {
    #expect(run(["version"]).out.hasPrefix("caravan 0."))
    #expect(run(["--version"]).out == run(["version"]).out)
  }
}
