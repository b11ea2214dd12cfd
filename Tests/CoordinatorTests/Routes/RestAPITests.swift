import HTTP
import Protocol
import RawHTTP
import System
import Testing

@testable import Coordinator

/// One body of checks, asked without a socket and over one.
@Suite struct RestAPITests {
  static let secret = "0123456789abcdef"
  static func api(_ access: Access) -> RestAPI {
    let word = { (word: String) in
      { @Sendable (call: Call) throws(Problem) -> Response in
        .json { $0.array { for part in [word] + call.values { $0.string(part) } } }
      }
    }
    return RestAPI(
      table: RouteTable(routes: [
        .now("GET", "/ready", .open, word("ready")),
        .now("POST", "/v1/dagrun", .submit, word("submit")),
        .now("POST", "/v1/dagrun/validate", .read, word("validate")),
        .now("GET", "/v1/dagrun/{runid}", .read, word("run")),
        .now("DELETE", "/v1/dagrun/{runid}", .submit, word("kill")),
        .now("GET", "/v1/dagrun/{runid}/task/{name}", .read, word("task")),
        .now("PATCH", "/v1/agent/{id}/state/{state}", .admin, word("agent")),
      ]), access: access)
  }

  struct Ask {
    var method: String
    var path: String
    var headers: [(name: String, value: String)] = []
    var body = ""
    var want: Int
    var saying = ""
    var allow: String?
  }

  static let bearer = (name: "authorization", value: "Bearer \(secret)")

  static let asks: [Ask] = [
    Ask(method: "GET", path: "/ready", want: 200, saying: "ready"),
    Ask(method: "HEAD", path: "/ready", want: 200),
    Ask(method: "GET", path: "/v1/dagrun/7", want: 401, saying: "Authorization"),
    Ask(method: "GET", path: "/v1/nothing", want: 401),
    Ask(method: "PUT", path: "/v1/dagrun", want: 401),
    Ask(
      method: "GET", path: "/v1/dagrun/7", headers: [("authorization", "Bearer \(secret.dropLast())")],
      want: 401),
    Ask(method: "GET", path: "/v1/dagrun/7", headers: [("authorization", "Bearer \(secret)0")], want: 401),
    Ask(method: "GET", path: "/v1/dagrun/7", headers: [("authorization", "Bearer ")], want: 401),
    Ask(method: "GET", path: "/v1/dagrun/7", headers: [("authorization", "Basic \(secret)")], want: 401),
    Ask(
      method: "GET", path: "/v1/dagrun/7", headers: [("authorization", "bearer \(secret)")], want: 200,
      saying: "[\"run\",\"7\"]"),
    Ask(method: "GET", path: "/v1/dagrun/..%2f..%2fetc", headers: [bearer], want: 200, saying: "../../etc"),
    Ask(
      method: "GET", path: "/v1/dagrun/7/task/a_0", headers: [bearer], want: 200,
      saying: "[\"task\",\"7\",\"a_0\"]"),
    Ask(method: "POST", path: "/v1/dagrun", headers: [bearer], body: "{}", want: 200, saying: "submit"),
    Ask(method: "GET", path: "/v1/nothing", headers: [bearer], want: 404),
    Ask(method: "GET", path: "/v1/dagrun/7/", headers: [bearer], want: 404),
    Ask(method: "GET", path: "/", headers: [bearer], want: 404),
    Ask(method: "PUT", path: "/v1/dagrun", headers: [bearer], want: 405, allow: "POST"),
    Ask(method: "GET", path: "/v1/dagrun/validate", headers: [bearer], want: 405, allow: "POST"),
    Ask(method: "PATCH", path: "/v1/dagrun/7", headers: [bearer], want: 405, allow: "GET, HEAD, DELETE"),
    Ask(method: "get", path: "/ready", headers: [bearer], want: 405, allow: "GET, HEAD"),
  ]

  func check(_ ask: Ask, _ status: Int, _ headers: [(name: String, value: String)], _ body: String) {
    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
    #expect(status == ask.want, "\(ask)")
    if ask.method != "HEAD" { #expect(body.contains(ask.saying), "\(ask): \(body)") }
    #expect(header("allow") == ask.allow, "\(ask)")
    #expect((header("www-authenticate") != nil) == (status == 401), "\(ask)")
    if status >= 400 {
      #expect(header("content-type") == "application/problem+json")
      #expect(body.contains("\"status\":\(status),\"detail\":\"") && body.contains("\"error\":\""), "\(body)")
    }
  }

  @Test(arguments: asks) func `every kind of call gets its answer without a socket`(ask: Ask) {
    let request = Request(
      method: ask.method, rawPath: ask.path,
      segments: ask.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
        String($0).replacing("%2f", with: "/")
      },
      headers: ask.headers, body: Array(ask.body.utf8))
    let answer = Self.api(.token(Self.secret)).ask(request)
    guard case .bytes(let body) = answer.body else { return }
    check(ask, answer.status, answer.headers, String(decoding: body, as: UTF8.self))
  }

  @Test func `and the same answers over a socket`() throws {
    let server = try HTTPServer(
      listen: ListenAddress(host: "127.0.0.1", port: 0),
      responder: Self.api(.token(Self.secret)))
    defer { server.stop() }
    let client = RawClient(server.address)
    for ask in Self.asks {
      let answer = try #require(
        client.ask(ask.method, ask.path, headers: ask.headers, body: Array(ask.body.utf8)))
      check(ask, answer.status, answer.headers.map { ($0.key, $0.value) }, answer.text)
    }
  }

  @Test func `a token that lacks the scope is told so`() {
    let api = Self.api(Access(tokens: [Access.Token(secret: Array("reader".utf8), scopes: [.read])]))
    let reader = (name: "authorization", value: "Bearer reader")
    let see = api.ask(
      Request(method: "GET", rawPath: "", segments: ["v1", "dagrun", "1"], headers: [reader]))
    let kill = api.ask(
      Request(method: "DELETE", rawPath: "", segments: ["v1", "dagrun", "1"], headers: [reader]))
    #expect(see.status == 200 && kill.status == 403)
  }

  @Test(arguments: [
    (nil, 415), ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/json", 200),
    ("Application/JSON ; charset=utf-8", 200),
  ])
  func `where nobody is asked who they are, a body must be said to be JSON`(type: String?, want: Int) {
    var request = Request(
      method: "POST", rawPath: "", segments: ["v1", "dagrun"], headers: [("content-length", "2")])
    if let type { request.headers.append(("content-type", type)) }
    #expect(Self.api(.open).ask(request).status == want)
    request.headers.append(Self.bearer)
    #expect(
      Self.api(.token(Self.secret)).ask(request).status == 200,
      "with a token curl -d works")
  }

  @Test func `without a body no type is asked for`() {
    let request = Request(
      method: "POST", rawPath: "", segments: ["v1", "dagrun"], headers: [("content-length", "0")])
    #expect(Self.api(.open).ask(request).status == 200)
  }

  @Test func `an empty secret opens nothing`() {
    #expect(!Access.isEqual([], []))
  }
}

extension Responder {
  /// Asks as the server does: the head first, then the whole; waits for the reply.
  func ask(_ request: Request) -> Response {
    var head = request
    head.body = []
    if let refusal = admit(head) { return refusal }
    let answer = Monitor<Response?>(nil)
    respond(to: request, Reply { response in answer.signal { $0 = response } })
    return answer.wait(upTo: .seconds(20), until: { $0 != nil }, { $0 }) ?? Response(status: 0)
  }
}
