import Foundation
import Testing

/// Every case of the REST API's table of errors that a client can bring about.
@Suite struct `What REST refuses` {
  static let one = #""tasks": {"a": {"job": {"command": ["x"]}}}"#

  struct Bad: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var document: [UInt8]
    var says: String
    init(_ name: String, _ document: String, says: String = "") {
      testDescription = name
      self.document = Array(document.utf8)
      self.says = says
    }
  }

  /// Refused before anything is known of what it means: no list of faults is promised, only the reason.
  static let unreadable: [Bad] = [
    Bad("empty", ""), Bad("cut off", "{"), Bad("an array", "[]"),
    Bad("a member twice", #"{"tag":"a","tag":"b",\#(one)}"#, says: "tag"),
    Bad("a member twice, once escaped", #"{"tag":"a","t\u0061g":"b",\#(one)}"#, says: "tag"),
    Bad("text after the value", "{\(one)} x"), Bad("half a surrogate", #"{"tag":"\ud800",\#(one)}"#),
    Bad("NaN", #"{"tasks":{"a":{"job":{"command":["x"],"cores":NaN}}}}"#),
    Bad("NUL in a command", #"{"tasks":{"a":{"job":{"command":["x\u0000y"]}}}}"#),
    Bad(
      "too deep",
      #"{"tag":"# + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000) + "}"),
    Bad("too deep and cut off", String(repeating: "[", count: 1_000_000)),
  ]

  /// JSON that is no DAG: all faults, with their places.
  static let wrong: [Bad] = [
    Bad("no tasks", "{}"), Bad("an empty object of tasks", #"{"tasks":{}}"#),
    Bad("a wrong type", #"{"tag":1,\#(one)}"#),
    Bad("null", #"{"tag":null,\#(one)}"#),
    Bad("an unknown member", #"{"tasks":{"a":{"chidlren":[],"job":{"command":["x"]}}}}"#, says: "children"),
    Bad(
      "an unknown child", #"{"tasks":{"a":{"job":{"command":["x"]},"children":["nobody"]}}}"#, says: "nobody"),
    Bad("itself as its child", #"{"tasks":{"a":{"job":{"command":["x"]},"children":["a"]}}}"#),
    Bad("an empty command", #"{"tasks":{"a":{"job":{"command":[]}}}}"#),
    Bad("no command", #"{"tasks":{"a":{"job":{}}}}"#),
    Bad("two commands", #"{"tasks":{"a":{"job":{"command":["x"],"commandString":"y"}}}}"#),
    Bad("an unknown parameter", #"{"tasks":{"a":{"job":{"command":["{{NOPE}}"]}}}}"#, says: "NOPE"),
    Bad("an empty list named", #"{"parameters":{"P":[]},"tasks":{"a":{"job":{"command":["{{P}}"]}}}}"#),
    Bad("cores of 0", #"{"tasks":{"a":{"job":{"command":["x"],"cores":0}}}}"#),
    Bad("cores below 0", #"{"tasks":{"a":{"job":{"command":["x"],"cores":-1}}}}"#),
    Bad("cores of nan", #"{"tasks":{"a":{"job":{"command":["x"],"cores":"nan"}}}}"#),
    Bad("cores of true", #"{"tasks":{"a":{"job":{"command":["x"],"cores":true}}}}"#),
    Bad("memory of a word", #"{"tasks":{"a":{"job":{"command":["x"],"memoryMB":"much"}}}}"#),
    Bad("retries of 1.5", #"{"tasks":{"a":{"maxRetries":1.5,"job":{"command":["x"]}}}}"#),
    Bad(
      "retries beyond all", #"{"tasks":{"a":{"maxRetries":99999999999999999999,"job":{"command":["x"]}}}}"#),
    Bad("an environment without =", #"{"tasks":{"a":{"job":{"command":["x"],"environment":["A"]}}}}"#),
    Bad(
      "an environment of ours", #"{"tasks":{"a":{"job":{"command":["x"],"environment":["CARAVAN_X=1"]}}}}"#),
    Bad(
      "a value quoted by hand",
      #"{"parameters":{"P":"v"},"tasks":{"a":{"job":{"commandString":"echo '{{P}}'"}}}}"#),
    Bad("a name with a slash", #"{"tasks":{"../a":{"job":{"command":["x"]}}}}"#),
    Bad(
      "a name twice after expansion",
      #"{"parameters":{"P":["1"]},"tasks":{"a":{"job":{"command":["{{P}}"]}},"a_0":{"job":{"command":["x"]}}}}"#
    ),
    Bad(
      "a task beyond its family",
      #"{"parameters":{"P":["1"]},"tasks":{"a":{"job":{"command":["{{P}}"]}},"b":{"parents":["a_9"],"job":{"command":["x"]}}}}"#
    ),
    Bad("what is not known yet", #"{"tasks":{"a":{"matrix":{},"job":{"command":["x"]}}}}"#, says: "matrix"),
  ]

  @Test func `documents that cannot be read are 400 and leave no run behind`() async throws {
    try await Cluster.run(agents: []) { cluster in
      var cases = Self.unreadable
      var noText = Bad("not UTF-8", "")
      noText.document = Array(#"{"tag":""#.utf8) + [0xff] + Array("\",\(Self.one)}".utf8)
      cases.append(noText)
      for bad in cases {
        for path in ["/v1/dagrun", "/v1/dagrun/validate"] {
          let answer = try cluster.client.call("POST", path, body: bad.document)
          #expect(
            answer.status == 400 || path.hasSuffix("validate") && answer.json["valid"].bool == false,
            "\(bad.testDescription): \(answer)")
          if path == "/v1/dagrun" { expectProblem(answer, 400, bad.testDescription) }
          #expect(bad.says.isEmpty || answer.text.contains(bad.says), "\(bad.testDescription): \(answer)")
        }
      }
      #expect(try cluster.get("/v1/dagruns?all=1").list.isEmpty)
    }
  }

  @Test func `a DAG that does not hold is 400 with its faults, and valid false on validation`() async throws {
    try await Cluster.run(agents: []) { cluster in
      for bad in Self.wrong {
        let answer = try cluster.client.call("POST", "/v1/dagrun", body: bad.document)
        expectProblem(answer, 400, bad.testDescription)
        let validation = try cluster.client.call("POST", "/v1/dagrun/validate", body: bad.document)
        #expect(
          validation.status == 200 && validation.json["valid"].bool == false,
          "\(bad.testDescription): \(validation)")
        for list in [answer.json["errors"].list, validation.json["errors"].list] {
          #expect(!list.isEmpty, "\(bad.testDescription): \(answer)")
          for fault in list {
            #expect(
              fault["message"].string?.isEmpty == false && fault["path"].string != nil,
              "\(bad.testDescription)")
            #expect(
              (fault["line"].int ?? 0) >= 1 && (fault["column"].int ?? 0) >= 1,
              "\(bad.testDescription): \(fault)")
          }
        }
        #expect(bad.says.isEmpty || answer.text.contains(bad.says), "\(bad.testDescription): \(answer)")
      }
      #expect(try cluster.get("/v1/dagruns?all=1").list.isEmpty)
    }
  }

  @Test func `all faults are told at once, each with its place and a hint`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let document = """
        {
          "tasks": {
            "fetch": {"job": {"command": ["x"]}},
            "trimming": {"job": {"command": []}},
            "align": {"job": {"command": ["x"]}, "maxRetries": "é", "parents": ["fetch", "triming"]}
          }
        }
        """
      let answer = try cluster.client.call("POST", "/v1/dagrun", body: Array(document.utf8))
      let faults = Dictionary(
        uniqueKeysWithValues: answer.json["errors"].list.map { ($0["path"].string ?? "", $0) })
      #expect(
        faults.keys.sorted() == [
          "/tasks/align/maxRetries", "/tasks/align/parents/1", "/tasks/trimming/job/command",
        ])
      let parent = try #require(faults["/tasks/align/parents/1"])
      let line = document.components(separatedBy: "\n")[4]
      let column = try #require(line.range(of: "\"triming\"")).lowerBound
      #expect(parent["line"].int == 5)
      #expect(parent["column"].int == line.unicodeScalars.distance(from: line.startIndex, to: column) + 1)
      #expect(parent["hint"].string?.contains("trimming") == true)
    }
  }

  @Test func `a cycle is named in its order`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let answer = try cluster.client.call(
        "POST", "/v1/dagrun",
        body: text([
          "tasks": [
            "a": shell("", ["children": ["b"]]), "b": shell("", ["children": ["c"]]),
            "c": shell("", ["children": ["a"]]),
          ]
        ]))
      expectProblem(answer, 400, "cycle")
      let message = try #require(answer.json["errors"][0]["message"].string)
      let isInOrder = [("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b")].contains { first, second, third in
        message.range(of: "\\b\(first)\\b.*\\b\(second)\\b.*\\b\(third)\\b", options: .regularExpression)
          != nil
      }
      #expect(isInOrder, "\(message)")
    }
  }

  @Test func `a document that holds is valid, with a warning for a parameter that nobody uses`() async throws
  {
    try await Cluster.run(agents: []) { cluster in
      let document = text(["parameters": ["UNUSED": ["1"]], "tasks": ["a": command(["x"])]])
      let answer = try cluster.client.call("POST", "/v1/dagrun/validate", body: document)
      #expect(answer.status == 200 && answer.json["valid"].bool == true, "\(answer)")
      let warning = answer.json["warnings"][0]
      #expect(
        warning["path"].string == "/parameters/UNUSED"
          && warning["message"].string?.contains("UNUSED") == true)
      #expect(try cluster.get("/v1/dagruns?all=1").list.isEmpty, "validation runs nothing")
    }
  }

  @Test func `an expansion beyond the limit is 422 with the count and the limit, at once`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let values = (0..<1000).map(String.init)
      let document = text([
        "parameters": ["A": values, "B": values, "C": values, "D": values],
        "tasks": ["a": command(["{{A}}{{B}}{{C}}{{D}}"])],
      ])
      let start = ContinuousClock.now
      let answer = try cluster.client.call("POST", "/v1/dagrun", body: document)
      expectProblem(answer, 422, "bomb")
      #expect(ContinuousClock.now - start < .seconds(5))
      let digits = try #require(answer.json["error"].string).filter { $0.isNumber || $0.isLetter }
      #expect(digits.contains("1000000000000") && digits.contains("1000000"), "\(answer)")
    }
  }

  @Test func `routes that are not there are 404, wrong verbs 405 with what is allowed`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let run = try cluster.submit(["huge": shell("", job: ["cores": 5000])])
      for (method, path) in [
        ("GET", "/v1/dagrun/999999999"), ("GET", "/v1/dagrun/-1"), ("GET", "/v1/dagrun/zero"),
        ("GET", "/v1/dagrun/007"),
        ("GET", "/v1/dagrun/+0"), ("GET", "/v1/dagrun/99999999999999999999999"), ("GET", "/v1/nothing"),
        ("GET", "/"),
        ("GET", "/v1/dagrun/\(run)/task/nobody"), ("DELETE", "/v1/dagrun/999999999"),
        ("GET", "/v1/dagrun/\(run)/nothing"),
        ("PATCH", "/v1/dagrun/999999999/state/QUEUED"), ("DELETE", "/v1/dagrun/\(run)/task/nobody"),
        ("GET", "/v1/dagrun/\(run)/task/..%2f..%2fetc"), ("GET", "/v1/dagrun/\(run)/task/%"),
      ] {
        let answer = try cluster.client.call(method, path)
        // What the page may serve at / is not refused here.
        if path == "/" && answer.status == 200 { continue }
        #expect(
          answer.status == 404 || path.hasSuffix("%") && answer.status == 400, "\(method) \(path): \(answer)")
        expectProblem(answer, answer.status, "\(method) \(path)")
      }
      let put = try cluster.client.call("PUT", "/v1/dagrun", body: [])
      expectProblem(put, 405, "PUT")
      #expect(put.headers["allow"]?.contains("POST") == true)
      let post = try cluster.client.call("POST", "/v1/dagrun/\(run)", body: [])
      expectProblem(post, 405, "POST")
      #expect(
        post.headers["allow"]?.contains("GET") == true && post.headers["allow"]?.contains("DELETE") == true)
    }
  }

  @Test func `state changes that make no sense are 409, unknown states 400 with the known ones`() async throws
  {
    try await Cluster.run { cluster in
      let run = try cluster.submit(["a": command(["/bin/true"])])
      try await cluster.wait(run)
      for (state, status) in [("PAUSED", 409), ("KILLED", 409), ("QUEUED", 200)] {
        let answer = try cluster.client.call("PATCH", "/v1/dagrun/\(run)/state/\(state)")
        // A completed run can be queued again: it has nothing left to do.
        if state == "QUEUED" {
          #expect([200, 409].contains(answer.status), "\(answer)")
        } else {
          expectProblem(answer, status, state)
        }
      }
      let unknown = try cluster.client.call("PATCH", "/v1/dagrun/\(run)/state/DANCING")
      expectProblem(unknown, 400, "DANCING")
      #expect(unknown.text.contains("PAUSED") && unknown.text.contains("QUEUED"))
      let long = try cluster.submit(["a": shell("sleep 300")])
      try await cluster.wait(long, for: ["RUNNING"])
      let restart = try cluster.client.call("PATCH", "/v1/dagrun/\(long)/state/QUEUED")
      expectProblem(restart, 409, "restart of a running run")
      #expect(restart.text.contains("ERRORED"), "the states from which it works are said: \(restart)")
      expectProblem(try cluster.client.call("PATCH", "/v1/dagrun/\(long)/state/COMPLETED"), 409, "COMPLETED")
    }
  }

  @Test func `without the right token everything but readiness is 401, before any 404`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let token = cluster.adminToken
      #expect(token.count >= 43, "256 bits")
      let wrong: [String?] = [
        nil, "", String(token.dropLast()), token.dropLast() + (token.last == "0" ? "1" : "0"), token + "0",
        Cluster.firstLine(cluster.agentTokenPath),
      ]
      for token in wrong {
        let client = HTTPClient(port: cluster.http, token: token)
        for (method, path) in [
          ("GET", "/v1/dagruns?all=1"), ("POST", "/v1/dagrun"), ("DELETE", "/v1/dagrun/0"),
          ("GET", "/v1/agents"), ("GET", "/v1/nothing"),
        ] {
          let answer = try client.call(method, path, body: method == "POST" ? Array("{}".utf8) : nil)
          #expect([401, 403].contains(answer.status), "\(method) \(path) with \(token ?? "none"): \(answer)")
        }
        for path in ["/ready", "/healthz"] { #expect(try client.call("GET", path).status == 200) }
      }
      #expect(
        try HTTPClient(port: cluster.http, token: nil).call("GET", "/ready").json["msg"].string
          == "Ya like DAGs?")
    }
  }

  @Test func `a body over the limit is 413 before it is sent, too many headers are 431`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let client = cluster.client
      let large = try client.raw(
        client.head(
          "POST", "/v1/dagrun", bodyBytes: nil,
          headers: ["Content-Length": "10000000000", "Content-Type": "application/json"]))
      #expect(large.status == 413, "\(large)")
      let headers = Dictionary(
        uniqueKeysWithValues: (0..<2000).map { ("X-Filler-\($0)", String(repeating: "x", count: 100)) })
      let many = try client.call("GET", "/ready", headers: headers)
      #expect(many.status == 431, "\(many)")
      #expect(try client.call("GET", "/ready").status == 200)
    }
  }

  @Test func `without authentication a body must be said to be JSON`() async throws {
    try await Cluster.run(startsCoordinator: false) { cluster in
      try await cluster.startCoordinator(options: ["--no-auth"])
      let client = HTTPClient(port: cluster.http, token: nil)
      let document = Array("{\(Self.one)}".utf8)
      #expect(
        try client.call("POST", "/v1/dagrun", body: document, headers: ["Content-Type": "text/plain"]).status
          == 415)
      #expect(try client.call("POST", "/v1/dagrun", body: document).json["runID"].int == 0)
      #expect(try client.call("GET", "/v1/dagruns").json.list.count == 1)
    }
  }

  @Test func `with a token a document may come as curl sends it`() async throws {
    try await Cluster.run(agents: []) { cluster in
      let answer = try cluster.client.call(
        "POST", "/v1/dagrun", body: Array("{\(Self.one)}".utf8),
        headers: ["Content-Type": "application/x-www-form-urlencoded"])
      #expect(answer.json["runID"].int == 0, "\(answer)")
    }
  }

  @Test func `no bytes on the HTTP port bring it down`() async throws {
    try await Cluster.run { cluster in
      for garbage in [
        "\0\0\0\0", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", String(repeating: "A", count: 1 << 20),
        "POST /v1/dagrun HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      ] {
        let socket = try Socket(port: cluster.http)
        socket.write(Array(garbage.utf8))
        socket.finishWriting()
        _ = try await socket.remainder()
      }
      try await cluster.expectToWork()
    }
  }

  /// RFC 9457, with our further member `error`.
  private func expectProblem(
    _ answer: HTTPAnswer, _ status: Int, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(answer.status == status, "\(what): \(answer)", sourceLocation: sourceLocation)
    #expect(
      answer.headers["content-type"]?.hasPrefix("application/problem+json") == true,
      "\(what): \(answer.headers)",
      sourceLocation: sourceLocation)
    #expect(answer.json["status"].int == status, "\(what): \(answer)", sourceLocation: sourceLocation)
    #expect(
      answer.json["error"].string?.isEmpty == false
        && answer.json["error"].string == answer.json["detail"].string,
      "\(what): \(answer)", sourceLocation: sourceLocation)
  }
}
