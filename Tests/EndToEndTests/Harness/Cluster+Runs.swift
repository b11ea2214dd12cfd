import Foundation
import Glibc
import Testing

/// What tests do with runs, over REST.
extension Cluster {
  static let finalStates: Set<String> = ["COMPLETED", "ERRORED", "KILLED"]

  /// Submits tasks and gives the run's number.
  func submit(_ tasks: [String: Any], parameters: [String: Any] = [:], _ more: [String: Any] = [:]) throws
    -> Int
  {
    var document: [String: Any] = ["tag": "test", "tasks": tasks]
    if !parameters.isEmpty { document["parameters"] = parameters }
    return try submit(text(document.merging(more) { _, new in new }))
  }

  func submit(_ document: [UInt8]) throws -> Int {
    let answer = try client.call("POST", "/v1/dagrun", body: document)
    guard answer.status == 200, let run = answer.json["runID"].int else {
      throw NeverHappened(description: "the submission was answered \(answer)")
    }
    return run
  }

  func get(_ path: String) throws -> JSON {
    let answer = try client.call("GET", path)
    guard answer.status == 200 else { throw NeverHappened(description: "GET \(path) was answered \(answer)") }
    return answer.json
  }

  func state(_ run: Int) throws -> String { try get("/v1/dagrun/\(run)/state")["state"].string ?? "" }
  func whole(_ run: Int) throws -> JSON { try get("/v1/dagrun/\(run)") }
  func taskState(_ run: Int, _ task: String) throws -> String {
    try get("/v1/dagrun/\(run)/task/\(task)/state")["state"].string ?? ""
  }

  /// Waits until the run is in one of these states (final ones if none is named) and gives which.
  @discardableResult
  func wait(_ run: Int, for states: Set<String> = finalStates, within seconds: Double = 60) async throws
    -> String
  {
    var last = ""
    do {
      return try await eventually(
        "run \(run) is \(states.sorted().joined(separator: " or "))", within: seconds
      ) {
        last = try state(run)
        return states.contains(last) ? last : nil
      }
    } catch let error as NeverHappened {
      throw NeverHappened(description: "\(error.description); it is \(last): \(try whole(run)["taskStates"])")
    }
  }

  func wait(_ run: Int, task: String, is states: String...) async throws {
    try await eventually("task \(task) of run \(run) is \(states.joined(separator: " or "))") {
      states.contains(try taskState(run, task))
    }
  }

  /// Runs the tasks to the run's end and gives the whole run.
  func ran(
    _ tasks: [String: Any], parameters: [String: Any] = [:], _ more: [String: Any] = [:],
    ends state: String = "COMPLETED"
  ) async throws -> JSON {
    let run = try submit(tasks, parameters: parameters, more)
    let ended = try await wait(run)
    let whole = try whole(run)
    #expect(ended == state, "\(whole)")
    return whole
  }

  /// A file that tasks write, in their working directory.
  func file(_ name: String) -> String { Cluster.contents(workFolder + "/" + name) ?? "" }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: workFolder + "/" + name) }

  func touch(_ name: String) { close(creat(workFolder + "/" + name, 0o600)) }

  /// A quick proof that everything still works.
  func expectToWork(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let run = try submit(["works": command(["/bin/echo", "still", "here"])])
    #expect(try await wait(run) == "COMPLETED", sourceLocation: sourceLocation)
    #expect(
      try whole(run)["taskAttempts"]["works"][0]["outputLog"].string == "still here\n",
      sourceLocation: sourceLocation)
  }
}
