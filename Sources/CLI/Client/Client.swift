import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// The coordinator's REST API, one blocking call at a time.
struct Client {
  let endpoint: Endpoint
  private let session: URLSession
  private let delegate = ExchangeDelegate()

  /// Seconds without a byte after which a call fails.
  private static let idleSeconds = 60.0
  /// For what is followed: the coordinator may have nothing to say for days.
  private static let followSeconds = 7.0 * 24 * 3600

  init(endpoint: Endpoint) {
    self.endpoint = endpoint
    Self.avoidProxy(for: endpoint.url)
    let configuration = URLSessionConfiguration.ephemeral
    configuration.httpShouldSetCookies = false
    configuration.urlCache = nil
    session = URLSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
  }

  /// libcurl, below URLSession, reads the proxy from the environment, for loopback too: a coordinator on
  /// this host would be asked for at a machine elsewhere.
  private static func avoidProxy(for url: URL) {
    guard let host = url.host, isLoopback(host) else { return }
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] { unsetenv(name) }
  }

  static func isLoopback(_ host: String) -> Bool {
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    let isFour = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    return host == "localhost" || host == "::1" || host == "[::1]" || isFour && parts[0] == "127"
  }

  struct Answer {
    var status: Int
    var body: Data
    var isGood: Bool { (200..<300).contains(status) }
  }

  /// One call; any status is an answer. Throws where there is none.
  func call(
    _ method: String, _ segments: [String], query: [(String, String)] = [], body: Data? = nil
  ) throws(CommandFault) -> Answer {
    var collected = Data()
    let status = try exchange(request(method, segments, query, body, Self.idleSeconds)) { _, bytes in
      collected.append(bytes)
    }
    return Answer(status: status, body: collected)
  }

  /// One call whose refusal is a fault.
  func ask(
    _ method: String, _ segments: [String], query: [(String, String)] = []
  ) throws(CommandFault) -> Data {
    let answer = try call(method, segments, query: query)
    if !answer.isGood { throw Refusal(answer).fault }
    return answer.body
  }

  func ask<Value: Decodable>(
    _ method: String, _ segments: [String], query: [(String, String)] = [], as _: Value.Type = Value.self
  ) throws(CommandFault) -> Value {
    try decode(try ask(method, segments, query: query))
  }

  func decode<Value: Decodable>(_ body: Data) throws(CommandFault) -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: body)
    } catch {
      throw CommandFault(
        .refused, "\(endpoint.url) answered with something else than a coordinator would; is the URL right?")
    }
  }

  /// Hands over the bytes of a good answer as they come, however long that takes.
  func stream(
    _ segments: [String], query: [(String, String)], onBytes: (Data) -> Void
  ) throws(CommandFault) {
    var refusal = Data()
    let status = try exchange(request("GET", segments, query, nil, Self.followSeconds)) { status, bytes in
      if (200..<300).contains(status) { onBytes(bytes) } else { refusal.append(bytes) }
    }
    if !(200..<300).contains(status) { throw Refusal(Answer(status: status, body: refusal)).fault }
  }

  private func request(
    _ method: String, _ segments: [String], _ query: [(String, String)], _ body: Data?, _ seconds: Double
  ) -> URLRequest {
    var text = endpoint.url.absoluteString + segments.map { "/" + Self.encoded($0) }.joined()
    if !query.isEmpty {
      text += "?" + query.map { Self.encoded($0) + "=" + Self.encoded($1) }.joined(separator: "&")
    }
    // All but the unreserved characters of RFC 3986 is encoded, and the base was a URL before.
    var request = URLRequest(url: URL(string: text)!, timeoutInterval: seconds)
    request.httpMethod = method
    request.httpBody = body
    if body != nil { request.setValue("application/json", forHTTPHeaderField: "Content-Type") }
    if let token = endpoint.token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
    return request
  }

  static func encoded(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      let scalar = Unicode.Scalar(byte)
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_", "~": out.unicodeScalars.append(scalar)
      default: out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }

  private func exchange(
    _ request: URLRequest, onBytes: (_ status: Int, Data) -> Void
  ) throws(CommandFault) -> Int {
    let task = session.dataTask(with: request)
    let events = delegate.events(of: task)
    task.resume()
    var status = 0
    while true {
      switch events.next() {
      case .head(let code): status = code
      case .bytes(let data): onBytes(status, data)
      case .ended(nil): return status
      case .ended(let error?): throw unreachable(error)
      }
    }
  }

  private func unreachable(_ error: any Error) -> CommandFault {
    let words: String
    switch (error as? URLError)?.code {
    case .cannotConnectToHost:
      words = "nobody listens there; is the coordinator running? 'caravan up' starts one"
    case .cannotFindHost, .dnsLookupFailed: words = "there is no host of that name"
    case .timedOut: words = "it does not answer"
    case .networkConnectionLost: words = "the connection was lost"
    default: words = (error as NSError).localizedDescription
    }
    return CommandFault(.unreachable, "cannot reach the coordinator at \(endpoint.url): \(words)")
  }
}
