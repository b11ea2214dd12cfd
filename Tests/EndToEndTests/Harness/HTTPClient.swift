import Foundation

struct HTTPAnswer: Sendable, CustomStringConvertible {
  var status: Int
  /// Names lower case.
  var headers: [String: String]
  var body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }
  /// The body as JSON; null where it is none.
  var json: JSON { (try? JSON(body)) ?? JSON(any: NSNull()) }
  var description: String { "\(status) \(text.prefix(2000))" }
}

/// One request a connection, over a plain socket: every byte of it can be chosen by a test.
struct HTTPClient: Sendable {
  var port: UInt16
  var token: String?

  struct NoAnswer: Error, CustomStringConvertible {
    var description: String
  }

  func head(
    _ method: String, _ path: String, bodyBytes: Int?, headers: [String: String] = [:]
  ) -> [UInt8] {
    var lines = ["\(method) \(path) HTTP/1.1", "Connection: close"]
    var fields = headers
    if fields["Host"] == nil { fields["Host"] = "127.0.0.1:\(port)" }
    if let token, fields["Authorization"] == nil { fields["Authorization"] = "Bearer \(token)" }
    if let bodyBytes {
      if fields["Content-Length"] == nil { fields["Content-Length"] = "\(bodyBytes)" }
      if fields["Content-Type"] == nil { fields["Content-Type"] = "application/json" }
    }
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
      lines.append("\(name): \(value)")
    }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }

  /// An empty header value leaves that header out.
  func call(
    _ method: String, _ path: String, body: [UInt8]? = nil, headers: [String: String] = [:]
  ) throws -> HTTPAnswer {
    let socket = try Socket(port: port)
    socket.write(head(method, path, bodyBytes: body?.count, headers: headers) + (body ?? []))
    return try answer(from: socket)
  }

  /// Sends these bytes as they are.
  func raw(_ bytes: [UInt8]) throws -> HTTPAnswer {
    let socket = try Socket(port: port)
    socket.write(bytes)
    return try answer(from: socket)
  }

  func answer(from socket: Socket) throws -> HTTPAnswer {
    var all: [UInt8] = []
    while true {
      let bytes = try socket.read()
      if bytes.isEmpty { break }
      all += bytes
    }
    return try parse(all)
  }

  private func parse(_ bytes: [UInt8]) throws -> HTTPAnswer {
    guard let end = firstRange(of: Array("\r\n\r\n".utf8), in: bytes) else {
      throw NoAnswer(
        description:
          "no HTTP answer but \(String(decoding: bytes.prefix(200), as: UTF8.self).debugDescription)")
    }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
    guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
      throw NoAnswer(description: "no status line: \(lines[0])")
    }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
        in: .whitespaces)
    }
    var body = Array(bytes[(end + 4)...])
    if status == 100 { return try parse(body) }
    if headers["transfer-encoding"]?.lowercased() == "chunked" { body = try dechunked(body) }
    if let said = headers["content-length"].flatMap({ Int($0) }), body.count < said, !body.isEmpty {
      throw NoAnswer(description: "\(body.count) bytes of \(said)")
    }
    return HTTPAnswer(status: status, headers: headers, body: body)
  }

  private func dechunked(_ bytes: [UInt8]) throws -> [UInt8] {
    var body: [UInt8] = []
    var at = 0
    while let end = firstRange(of: [13, 10], in: bytes, from: at) {
      guard let size = Int(String(decoding: bytes[at..<end], as: UTF8.self), radix: 16) else { break }
      if size == 0 { return body }
      guard end + 2 + size + 2 <= bytes.count else { break }
      body += bytes[(end + 2)..<(end + 2 + size)]
      at = end + 2 + size + 2
    }
    throw NoAnswer(description: "the chunked answer is cut after \(body.count) bytes")
  }

  private func firstRange(of pattern: [UInt8], in bytes: [UInt8], from start: Int = 0) -> Int? {
    guard bytes.count >= pattern.count else { return nil }
    var at = start
    while at + pattern.count <= bytes.count {
      if bytes[at] == pattern[0] && bytes[at..<(at + pattern.count)].elementsEqual(pattern) { return at }
      at += 1
    }
    return nil
  }
}
