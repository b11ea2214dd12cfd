import HTTP

/// A request that has found its route.
struct Call: Sendable {
  var request: Request
  /// What stands where the pattern has a name, in order.
  var values: [String]
}

/// One method on one pattern.
struct Route: Sendable {
  var method: String
  var pattern: [Segment]
  var scope: Scope
  var answer: @Sendable (Call, Reply) -> Void

  enum Segment: Hashable, Sendable {
    case word(String)
    case value(named: String)
  }

  /// `path` as API.md writes it: `/v1/dagrun/{runid}/state`.
  init(
    _ method: String, _ path: String, _ scope: Scope, _ answer: @escaping @Sendable (Call, Reply) -> Void
  ) {
    self.method = method
    self.scope = scope
    self.answer = answer
    pattern = path.split(separator: "/").map {
      $0.hasPrefix("{") ? .value(named: String($0.dropFirst().dropLast())) : .word(String($0))
    }
  }

  /// For an answer that is there at once.
  static func now(
    _ method: String, _ path: String, _ scope: Scope,
    _ answer: @escaping @Sendable (Call) throws(Problem) -> Response
  ) -> Route {
    Route(method, path, scope) { (call, reply) in
      do throws(Problem) {
        reply(try answer(call))
      } catch {
        reply(error.response)
      }
    }
  }

  /// The values of the pattern's names; nil where the path is another.
  func values(of segments: [String]) -> [String]? {
    guard segments.count == pattern.count else { return nil }
    var values: [String] = []
    for (part, segment) in zip(pattern, segments) {
      switch part {
      case .word(let word): if word != segment { return nil }
      case .value: values.append(segment)
      }
    }
    return values
  }
}

/// All routes; the earlier pattern wins where two match, so that `/v1/dagrun/validate` is no run.
struct RouteTable: Sendable {
  let routes: [Route]

  enum Match {
    case route(Route, values: [String])
    /// The path is known, with these methods.
    case otherMethod(allowed: [String])
    case nothing
  }

  func match(_ method: String, _ segments: [String]) -> Match {
    // HEAD is as GET; the server leaves the body out.
    let method = method == "HEAD" ? "GET" : method
    var pattern: [Route.Segment]?
    var allowed: [String] = []
    for route in routes where pattern == nil || route.pattern == pattern {
      guard let values = route.values(of: segments) else { continue }
      if route.method == method { return .route(route, values: values) }
      pattern = route.pattern
      allowed += route.method == "GET" ? ["GET", "HEAD"] : [route.method]
    }
    return pattern == nil ? .nothing : .otherMethod(allowed: allowed)
  }
}
