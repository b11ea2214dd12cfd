import Protocol

/// An error as RFC 9457 has it, with the member `error` beside `detail` that the family's clients read.
public struct Problem: Error, Sendable {
  public var status: Int
  /// For people: what is wrong with this request, and how to mend it.
  public var detail: String
  public var headers: [(name: String, value: String)]
  /// Further members, their values as JSON text.
  public var members: [(name: String, json: [UInt8])]

  public init(
    _ status: Int, _ detail: String, headers: [(name: String, value: String)] = [],
    members: [(name: String, json: [UInt8])] = []
  ) {
    self.status = status
    self.detail = detail
    self.headers = headers
    self.members = members
  }

  public var response: Response {
    var writer = JSONWriter(capacity: 192 + 2 * detail.utf8.count)
    writer.object {
      // No type says more than the status does (RFC 9457, 4.2.1).
      $0.member("type", "about:blank")
      $0.member("title", Response.phrase(of: status))
      $0.member("status", status)
      $0.member("detail", detail)
      $0.member("error", detail)
      for member in members { $0.member(member.name) { $0.raw(member.json) } }
    }
    return Response(
      status: status, headers: [("Content-Type", "application/problem+json")] + headers,
      body: .bytes(writer.take()))
  }
}

extension Response {
  /// A status's words (RFC 9110, 15).
  static func phrase(of status: Int) -> String {
    switch status {
    case 200: "OK"
    case 206: "Partial Content"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 422: "Unprocessable Content"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 507: "Insufficient Storage"
    default: "Error"
    }
  }

  /// The whole answer as it goes over the wire, for a connection that ends with it. Only for plain bytes.
  func wire() -> [UInt8] {
    guard case .bytes(let content) = body else { preconditionFailure("a stream is never sent by hand") }
    var head = "HTTP/1.1 \(status) \(Self.phrase(of: status))\r\nConnection: close\r\n"
    for header in headers { head += "\(header.name): \(header.value)\r\n" }
    head += "Content-Length: \(content.count)\r\n\r\n"
    return Array(head.utf8) + content
  }
}
