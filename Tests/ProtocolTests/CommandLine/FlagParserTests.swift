import Protocol
import Testing

@Suite struct FlagParserTests {
  private let parser = FlagParser([
    Flag("data-dir", "DIR", help: "where data is kept"),
    Flag("label", "K=V", repeated: true, help: "a label"),
    Flag("cores", "N", help: "cores"),
    Flag("no-auth", help: "no tokens"),
    Flag("help", help: "this"),
  ])

  @Test func `flags, their values and arguments in any order`() throws {
    let parsed = try parser.parse([
      "a", "--data-dir", "/x", "--label=a=b", "-", "--label", "c=", "--no-auth", "b",
    ])
    #expect(parsed.value("data-dir") == "/x")
    #expect(parsed.values("label") == ["a=b", "c="])
    #expect(parsed.has("no-auth") && !parsed.has("help"))
    #expect(parsed.arguments == ["a", "-", "b"])
    #expect(parsed.value("cores") == nil)
  }

  @Test func `two dashes end the flags`() throws {
    let parsed = try parser.parse(["--no-auth", "--", "--data-dir", "-x"])
    #expect(parsed.arguments == ["--data-dir", "-x"])
  }

  @Test func `an empty or dashed value is said with an equals sign`() throws {
    #expect(try parser.parse(["--data-dir="]).value("data-dir") == "")
    #expect(try parser.parse(["--data-dir=--x"]).value("data-dir") == "--x")
    #expect(try parser.parse(["-h"]).has("help"))
  }

  @Test(arguments: [
    (["--data-dri", "x"], "unknown flag --data-dri; did you mean --data-dir?"),
    (["--dta-dir=x"], "unknown flag --dta-dir; did you mean --data-dir?"),
    (["--zzzzzzz"], "unknown flag --zzzzzzz"), (["-x"], "unknown flag -x"),
    (["--data-dir"], "--data-dir needs a value: --data-dir DIR"),
    (["--data-dir", "--no-auth"], "--data-dir needs a value: --data-dir DIR"),
    (["--no-auth=1"], "--no-auth takes no value"),
    (["--data-dir=a", "--data-dir", "b"], "--data-dir is given twice"),
  ])
  func `what is wrong is said in a line`(words: [String], message: String) {
    #expect(throws: FlagFault(message)) { try parser.parse(words) }
  }

  @Test func `numbers are read in their range`() throws {
    #expect(try parser.parse(["--cores=7"]).integer("cores", in: 1...8) == 7)
    #expect(try parser.parse([]).integer("cores", in: 1...8) == nil)
    for bad in ["0", "9", "x", "1.5", "", "+1", "99999999999999999999"] {
      let parsed = try parser.parse(["--cores=\(bad)"])
      #expect(throws: FlagFault("--cores takes a whole number from 1 to 8, not '\(bad)'")) {
        try parsed.integer("cores", in: 1...8)
      }
    }
    #expect(throws: FlagFault("unexpected argument 'a'")) { try parser.parse(["a"]).expectNoArguments() }
  }

  @Test func `the help stands in columns`() {
    #expect(parser.help[0] == "  --data-dir DIR  where data is kept")
    #expect(parser.help[3] == "  --no-auth       no tokens")
  }
}

@Suite struct NearestCommandTests {
  @Test(arguments: [
    ("sumbit", "submit"), ("subimt", "submit"), ("run", "runs"), ("agent", "agents"), ("kil", "kill"),
    ("resart", "restart"), ("logs", "logs"), ("vlaidate", "validate"),
  ])
  func `a slip of the finger is found`(typed: String, meant: String) {
    let words = ["submit", "runs", "agents", "kill", "restart", "logs", "validate", "up"]
    #expect(NearestName.of(typed, among: words) == meant)
  }

  @Test(arguments: ["", "xyz", "completely", "q", String(repeating: "submit", count: 100)])
  func `what is like nothing gets no hint`(typed: String) {
    #expect(NearestName.of(typed, among: ["submit", "runs", "up", "kill"]) == nil)
  }
}

@Suite struct DefaultPathsTests {
  @Test func `root's data is in var lib`() {
    let environment = ["XDG_DATA_HOME": "/x", "HOME": "/root"]
    #expect(DefaultPaths.coordinator(environment: environment, userID: 0) == "/var/lib/caravan/coordinator")
    #expect(DefaultPaths.agent(environment: environment, userID: 0) == "/var/lib/caravan/agent")
  }

  @Test func `others' data is where XDG says`() {
    func path(_ environment: [String: String]) -> String? {
      DefaultPaths.agent(environment: environment, userID: 1000)
    }
    #expect(path(["XDG_DATA_HOME": "/x/", "HOME": "/home/a"]) == "/x/caravan/agent")
    #expect(path(["XDG_DATA_HOME": "", "HOME": "/home/a"]) == "/home/a/.local/share/caravan/agent")
    #expect(path(["XDG_DATA_HOME": "relative", "HOME": "/home/a"]) == "/home/a/.local/share/caravan/agent")
    #expect(path(["HOME": "/home/a"]) == "/home/a/.local/share/caravan/agent")
    #expect(path([:]) == nil)
  }
}
