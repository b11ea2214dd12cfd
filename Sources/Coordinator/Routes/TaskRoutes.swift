import HTTP
import Protocol
import Scheduling

/// `/v1/dagrun/{runid}/task/{taskName}`, its state and its attempts.
struct TaskRoutes {
  let service: any RunService
  let reader: StoreReader
  let logs: LogReader

  private static let path = "/v1/dagrun/{runid}/task/{taskName}"

  var routes: [Route] {
    [
      .now("GET", Self.path, .read) { (call) throws(Problem) in
        let (key, layout) = try lookup.task(call)
        return .json(capacity: 1024) { layout.writeTask(key.task, into: &$0) }
      },
      .now("GET", Self.path + "/state", .read) { (call) throws(Problem) in
        let state = try lookup.byte(of: try lookup.task(call).key).state
        return .json { $0.object { $0.member("state", state.name) } }
      },
      Route("DELETE", Self.path, .submit) { (call, reply) in
        service.perform(
          reply,
          { () throws(Problem) in
            let key = try lookup.task(call).key
            return .killTask(key.run, key.task)
          }, { Response(status: 200) })
      },
      Route("PATCH", Self.path + "/state/{state}", .submit) { (call, reply) in
        service.perform(reply, { () throws(Problem) in try command(call) }) {
          .json { $0.object { $0.member("runID", Call.number(call.values[0])!) } }
        }
      },
      .now("GET", Self.path + "/attempts", .read) { (call) throws(Problem) in
        let show: LogShare = try call.word("logs") ?? .tail
        let key = try lookup.task(call).key
        let rows = try reading { () throws(StoreFault) in try reader.attempts(of: key) }
        let body = AttemptListBody(rows, AttemptPieces(reader: reader, logs: logs, show: show))
        return Response(status: 200, headers: [Response.jsonType], body: .stream(body))
      },
    ]
  }

  private var lookup: RunLookup { RunLookup(reader: reader) }

  private func command(_ call: Call) throws(Problem) -> RunCommand {
    let key = try lookup.task(call).key
    guard let state = TaskState(name: call.values[2]) else {
      throw .unknownState(call.values[2], TaskState.allCases.map(\.name))
    }
    guard state == .queued else {
      throw Problem(
        409, "a task becomes \(state.name) by itself; QUEUED runs a finished one again, and DELETE kills one")
    }
    return .queueTask(key.run, key.task, downstream: try call.flag("downstream"))
  }
}
