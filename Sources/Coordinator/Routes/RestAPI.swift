import HTTP
import Scheduling

/// The REST API of API.md as a `Responder`: asks who calls, finds the route, lets it answer.
///
/// Everything that can be refused by the head alone is refused before the body is read: first who calls
/// (401 goes before 404, so that a stranger does not learn what there is), then the path, then the method,
/// then the body's type.
struct RestAPI: Responder {
  let table: RouteTable
  let access: Access

  init(table: RouteTable, access: Access) {
    self.table = table
    self.access = access
  }

  /// All that API.md has so far.
  init(
    service: any RunService, reader: StoreReader, logs: AttemptLogs, access: Access,
    limits: ExpansionLimits = .standard
  ) {
    let routes = [
      ReadinessRoutes(service: service).routes,
      RunListRoutes(reader: reader).routes,
      // Before the runs' own: "validate" is no run.
      SubmitRoutes(service: service, limits: limits).routes,
      RunRoutes(service: service, reader: reader, logs: logs.reader).routes,
      TaskListRoutes(reader: reader).routes,
      TaskRoutes(service: service, reader: reader, logs: logs.reader).routes,
      LogRoutes(
        source: LogSource(reader: reader, logs: logs.reader), followers: logs.followers, clock: FollowClock()
      ).routes,
      AgentRoutes(service: service).routes,
    ]
    self.init(table: RouteTable(routes: routes.flatMap(\.self)), access: access)
  }

  func admit(_ head: Request) -> Response? { refusal(of: head)?.response }

  func respond(to request: Request, _ reply: Reply) {
    // `admit` has seen the same head; without it (in tests, or if the server should ever change) it holds here.
    if let refusal = refusal(of: request) { return reply(refusal.response) }
    guard case .route(let route, let values) = table.match(request.method, request.segments) else { return }
    route.answer(Call(request: request, values: values), reply)
  }

  private func refusal(of head: Request) -> Problem? {
    switch table.match(head.method, head.segments) {
    case .route(let route, _):
      return access.refusal(of: head, wanting: route.scope) ?? typeProblem(head)
    case .otherMethod(let allowed):
      if let problem = access.refusal(of: head, wanting: .read) { return problem }
      let methods = allowed.joined(separator: ", ")
      return Problem(
        405,
        "\(head.method) does not work on \(head.rawPath); \(methods) \(methods.contains(",") ? "do" : "does")",
        headers: [("Allow", methods)]
      )
    case .nothing:
      if let problem = access.refusal(of: head, wanting: .read) { return problem }
      return Problem(404, "there is nothing at \(head.rawPath)")
    }
  }

  /// A page on another site may make a browser send a body, but not one of this type: that is all that keeps
  /// such a page out where no token is asked for.
  private func typeProblem(_ head: Request) -> Problem? {
    guard access.isOpenToEverybody else { return nil }
    let hasBody =
      head.header("transfer-encoding") != nil || head.header("content-length").map { $0 != "0" } ?? false
    let type = head.header("content-type")?.split(separator: ";").first.map {
      $0.trimmingSpaces().lowercased()
    }
    if !hasBody || type == "application/json" { return nil }
    return Problem(
      415, "without authentication a body must be said to be JSON: send 'Content-Type: application/json'")
  }
}

extension Substring {
  fileprivate func trimmingSpaces() -> Substring {
    var rest = drop { $0 == " " }
    while rest.last == " " { rest.removeLast() }
    return rest
  }
}
