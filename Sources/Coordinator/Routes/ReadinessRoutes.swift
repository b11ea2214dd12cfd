import HTTP
import Protocol

/// The two routes that ask nobody who they are.
struct ReadinessRoutes {
  let service: any RunService

  var routes: [Route] {
    [
      .now("GET", "/ready", .open) { (_) throws(Problem) in
        if service.isServing {
          return .json {
            $0.object {
              $0.member("msg", "Ya like DAGs?")
              // It serves all the same.
              if service.isDiskFull { $0.member("diskFull", true) }
            }
          }
        }
        throw Problem(
          503, "not ready: the coordinator is starting or stopping; try again in a moment",
          headers: [("Retry-After", "1")])
      },
      // Alive, even when not ready.
      .now("GET", "/healthz", .open) { (_) in .json { $0.object { $0.member("alive", true) } } },
    ]
  }
}
