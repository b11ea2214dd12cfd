import Foundation
import System
import Testing

@testable import Coordinator

@Suite struct SubmitRoutesTests {
  let served: ServedStore
  init() throws { served = try ServedStore() }

  static let good = #"{"tasks": {"a": {"job": {"command": ["x"]}}}}"#

  @Test func `a DAG that holds is handed to the Engine`() throws {
    #expect(served.ask("POST", "/v1/dagrun", body: Self.good).text == #"{"runID":0}"#)
    #expect(served.ask("POST", "/v1/dagrun", body: Self.good).text == #"{"runID":1}"#)
    #expect(served.heard.with { $0.submitted.count } == 2)
    #expect(served.ask("POST", "/v1/dagrun/validate", body: Self.good).text == #"{"valid":true}"#)
    #expect(served.heard.with { $0.submitted.count } == 2, "validation runs nothing")
  }

  @Test func `all faults are told with their places, and nothing runs`() throws {
    let bad = #"{"tasks": {"a": {"job": {"command": []}, "chidlren": []}}}"#
    let answer = served.ask("POST", "/v1/dagrun", body: bad)
    let faults = try #require(answer.json()["errors"] as? [NSDictionary])
    #expect(answer.status == 400 && faults.count == 2)
    #expect(
      faults.allSatisfy { $0["line"] as? Int == 1 && ($0["column"] as? Int ?? 0) > 1 && $0["path"] is String }
    )
    #expect(answer.text.contains("children"))
    let verdict = served.ask("POST", "/v1/dagrun/validate", body: bad)
    #expect(try verdict.status == 200 && verdict.json()["valid"] as? Bool == false)
    #expect(try verdict.json()["errors"] as? [NSDictionary] == faults)
    #expect(served.heard.with { $0.submitted.isEmpty })
  }

  @Test(arguments: [
    "", "{", "[]", "null", "{} x", #"{"tag":"a","tag":"b"}"#, String(repeating: "[", count: 100_000),
  ])
  func `what is no document is 400 on both`(body: String) {
    for path in ["/v1/dagrun", "/v1/dagrun/validate"] {
      let answer = served.ask("POST", path, body: body)
      #expect(
        answer.status == 400 && answer.header("Content-Type") == "application/problem+json", "\(answer.text)")
    }
  }

  @Test func `an expansion beyond the limit is 422 with the count and the limit`() throws {
    let list = (0..<1000).map { "\"\($0)\"" }.joined(separator: ",")
    let bomb =
      #"{"parameters": {"A": [\#(list)], "B": [\#(list)], "C": [\#(list)], "D": [\#(list)]}, "tasks": {"a": {"job": {"command": ["{{A}}{{B}}{{C}}{{D}}"]}}}}"#
    let answer = served.ask("POST", "/v1/dagrun", body: bomb)
    #expect(answer.status == 422)
    let json = try answer.json()
    #expect(json["count"] as? Int == 1_000_000_000_000 && json["limit"] as? Int == 1_000_000)
    let said = try #require(json["error"] as? String).filter(\.isNumber)
    #expect(said.contains("1000000000000"))
  }

  @Test func `a warning goes with a yes`() throws {
    let odd = #"{"parameters": {"P": "v"}, "tasks": {"a": {"job": {"command": ["x"]}}}}"#
    let verdict = try served.ask("POST", "/v1/dagrun/validate", body: odd).json()
    #expect(verdict["valid"] as? Bool == true && (verdict["warnings"] as? [Any])?.count == 1)
  }
}
