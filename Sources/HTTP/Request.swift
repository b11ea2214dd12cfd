/// One request, its body whole.
public struct Request: Sendable {
  /// Upper case, as sent.
  public var method: String
  /// Percent-decoded path segments: split at "/" first, decoded after.
  public var segments: [String]
  /// The path as sent, without the query.
  public var rawPath: String
  /// Decoded, in order; a name may come more than once.
  public var query: [(name: String, value: String)]
  /// Names lower case.
  public var headers: [(name: String, value: String)]
  public var body: [UInt8]

  public init(
    method: String, rawPath: String, segments: [String], query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) {
    self.method = method
    self.rawPath = rawPath
    self.segments = segments
    self.query = query
    self.headers = headers
    self.body = body
  }

  public func query(_ name: String) -> String? { query.first { $0.name == name }?.value }
  public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}
