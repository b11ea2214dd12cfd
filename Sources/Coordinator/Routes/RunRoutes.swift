import HTTP
import Protocol
import Scheduling

/// `/v1/dagrun/{runid}` and its state.
struct RunRoutes {
  let service: any RunService
  let reader: StoreReader
  let logs: LogReader

  var routes: [Route] {
    [
      .now("GET", "/v1/dagrun/{runid}", .read) { (call) throws(Problem) in
        let show: LogShare = try call.word("logs") ?? .tail
        let row = try lookup.run(call)
        let body = WholeRunBody(row, try lookup.layout(of: row.run), reader: reader, logs: logs, show: show)
        return Response(status: 200, headers: [Response.jsonType], body: .stream(body))
      },
      .now("GET", "/v1/dagrun/{runid}/state", .read) { (call) throws(Problem) in
        let row = try lookup.run(call)
        return .json {
          $0.object {
            $0.member("state", row.state.name)
            if row.isKillRequested { $0.member("killRequested", true) }
          }
        }
      },
      Route("DELETE", "/v1/dagrun/{runid}", .submit) { (call, reply) in
        perform(reply, { () throws(Problem) in .kill(try call.runID()) }, { Response(status: 200) })
      },
      Route("PATCH", "/v1/dagrun/{runid}/state/{state}", .submit) { (call, reply) in
        perform(reply, { () throws(Problem) in try command(call) }) {
          .json { $0.object { $0.member("runID", Call.number(call.values[0])!) } }
        }
      },
    ]
  }

  private var lookup: RunLookup { RunLookup(reader: reader) }

  private func command(_ call: Call) throws(Problem) -> RunCommand {
    let run = try lookup.run(call).run
    guard let state = RunState(name: call.values[1]) else {
      throw .unknownState(call.values[1], RunState.allCases.map(\.name))
    }
    switch state {
    case .queued: return .queue(run)
    case .paused: return .pause(run)
    case .killed: return .kill(run)
    case .running, .completed, .errored:
      throw Problem(
        409, "a run becomes \(state.name) by itself; what can be asked for is QUEUED, PAUSED and KILLED")
    }
  }

  private func perform(
    _ reply: Reply, _ command: () throws(Problem) -> RunCommand, _ done: @escaping @Sendable () -> Response
  ) {
    service.perform(reply, command, done)
  }
}

extension RunService {
  /// Performs a command and answers with `done`, or with why not.
  func perform(
    _ reply: Reply, _ command: () throws(Problem) -> RunCommand, _ done: @escaping @Sendable () -> Response
  ) {
    do throws(Problem) {
      perform(try command()) { result in
        switch result {
        case .success: reply(done())
        case .failure(let refusal): reply(Problem(refusal).response)
        }
      }
    } catch {
      reply(error.response)
    }
  }
}
