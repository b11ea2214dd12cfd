import Foundation
import HTTP
import Protocol
import Scheduling
import System

@testable import Coordinator

/// The REST API over a real store and real logs in a folder of its own. What the Engine would do with
/// submissions and commands is noted, and answered as the test says.
final class ServedStore: RunService {
  struct Heard {
    var isServing = true
    var isDiskFull = false
    var submitted: [RunPlan] = []
    var commands: [RunCommand] = []
    var refusal: Refusal?
    var agents: [AgentStatus] = []
  }

  let folder = TemporaryDirectory()
  let heard = Monitor(Heard())
  let store: SQLiteStore
  let reader: StoreReader
  let logs: AttemptLogs

  init() throws {
    let directory = try DataDirectory(folder.path)
    store = try SQLiteStore(directory, software: "test")
    _ = try store.open()
    reader = StoreReader(directory, layouts: LayoutCache())
    logs = try AttemptLogs(directory, software: "test") { fault in fatalError(fault.message) }
  }

  deinit { logs.close() }

  var api: RestAPI { RestAPI(service: self, reader: reader, logs: logs, access: .open) }

  // MARK: RunService

  var isServing: Bool { heard.with { $0.isServing } }
  var isDiskFull: Bool { heard.with { $0.isDiskFull } }

  func submit(_ plan: RunPlan, reply: @escaping @Sendable (Result<RunID, Refusal>) -> Void) {
    reply(
      heard.with { heard in
        heard.submitted.append(plan)
        return heard.refusal.map { .failure($0) } ?? .success(RunID(Int64(heard.submitted.count) - 1))
      })
  }

  func perform(_ command: RunCommand, reply: @escaping @Sendable (Result<Void, Refusal>) -> Void) {
    reply(
      heard.with { heard in
        heard.commands.append(command)
        return heard.refusal.map { .failure($0) } ?? .success(())
      })
  }

  func agents(reply: @escaping @Sendable ([AgentStatus]) -> Void) { reply(heard.with { $0.agents }) }

  // MARK: What a test puts in

  /// A run as it stands after its submission.
  func add(_ document: String, run: Int64 = 0, bytes: [TaskByte] = []) throws {
    guard case .plan(let plan) = RunPlan.check(Array(document.utf8)) else {
      fatalError("no DAG: \(document)")
    }
    var commit = Sample.submission(run, tasks: Int32(plan.taskCount))
    commit.runsAdded[0].document = plan.document
    commit.runs[0].tag = plan.tag
    if !bytes.isEmpty { commit.chunks = Sample.chunks(run, bytes.map(\.raw)) }
    commit.agents = [Sample.agent(0, "north-1")]
    try store.commit(commit)
  }

  func add(_ attempts: [AttemptRow]) throws {
    var commit = Commit()
    commit.attempts = attempts.map { .insert($0) }
    try store.commit(commit)
  }

  /// Output, on disk when this returns.
  func print(
    _ bytes: [UInt8], _ row: AttemptRow, _ stream: Protocol.OutputStream = .stdout, at offset: Int64 = 0
  ) {
    let isDone = Monitor(false)
    logs.append([OutputPiece(LogStream(row.fence, stream), offset: offset, bytes)]) {
      isDone.signal { $0 = true }
    }
    isDone.wait(until: { $0 }, { _ in })
  }

  // MARK: Asking

  struct Answer {
    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]
    /// The largest piece in which it came.
    var largestPiece: Int
    var text: String { String(decoding: body, as: UTF8.self) }
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
    /// Parsed by somebody else's parser.
    func json() throws -> NSDictionary { try parsed() }
    func list() throws -> [NSDictionary] { try parsed() }
    private func parsed<Value>() throws -> Value {
      guard let value = try JSONSerialization.jsonObject(with: Data(body)) as? Value else {
        throw Unexpected(text: text)
      }
      return value
    }
  }
  struct Unexpected: Error { var text: String }

  /// `path` with its query, as a client sends it.
  func ask(
    _ method: String, _ path: String, body: String = "", headers: [(name: String, value: String)] = []
  ) -> Answer {
    var request = Request(method: method, target: path)
    request.headers = headers
    request.body = Array(body.utf8)
    let response = api.ask(request)
    var answer = Answer(status: response.status, headers: response.headers, body: [], largestPiece: 0)
    switch response.body {
    case .bytes(let bytes): answer.body = bytes
    case .stream(let source):
      let isAwake = Monitor(false)
      pulling: while true {
        switch source.next(wake: { isAwake.signal { $0 = true } }) {
        case .bytes(let bytes):
          answer.body += bytes
          answer.largestPiece = max(answer.largestPiece, bytes.count)
        case .later:
          isAwake.wait(upTo: .seconds(20), until: { $0 }, { $0 = false })
        case .end: break pulling
        case .failed:
          answer.status = -1
          break pulling
        }
      }
      source.close()
    }
    return answer
  }
}
