import Foundation
import Protocol

/// Where the coordinator is, and what it is told to let us in.
struct Endpoint: Hashable {
  var url: URL
  /// nil: none was found; a coordinator without authentication needs none.
  var token: String?

  /// By flag, else by the environment, else by what a coordinator on this host has left in its data
  /// directory. That directory's token is only taken for its own address: it is nobody else's business.
  static func find(
    flags: ParsedFlags, environment: [String: String], userID: UInt32 = geteuid()
  ) throws(CommandFault) -> Endpoint {
    let given = try token(flags: flags, environment: environment)
    if let text = flags.value("url") ?? nonEmpty(environment["CARAVAN_URL"]) {
      let url = try url(text)
      if let given { return Endpoint(url: url, token: given) }
      let local = try? local(environment: environment, userID: userID)
      return Endpoint(url: url, token: local?.url == url ? local?.token : nil)
    }
    var found = try local(environment: environment, userID: userID)
    if let given { found.token = given }
    return found
  }

  func client() -> Client { Client(endpoint: self) }

  private static func nonEmpty(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }

  static func url(_ text: String) throws(CommandFault) -> URL {
    let full = text.contains("://") ? text : "http://" + text
    var trimmed = full[...]
    while trimmed.last == "/" { trimmed = trimmed.dropLast() }
    guard let url = URL(string: String(trimmed)), let host = url.host, !host.isEmpty,
      url.scheme == "http" || url.scheme == "https"
    else {
      throw CommandFault(
        .usage, "'\(Printable.line(text))' is no coordinator's URL; http://127.0.0.1:2503 is one")
    }
    return url
  }

  private static func token(
    flags: ParsedFlags, environment: [String: String]
  ) throws(CommandFault) -> String? {
    if let file = flags.value("token-file") ?? nonEmpty(environment["CARAVAN_TOKEN_FILE"]) {
      return try readToken(file)
    }
    return nonEmpty(environment["CARAVAN_TOKEN"])
  }

  static func readToken(_ file: String) throws(CommandFault) -> String {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw CommandFault(.usage, "the token file \(file) cannot be read")
    }
    let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    if text.isEmpty || text.contains(where: \.isNewline) {
      throw CommandFault(.usage, "the token file \(file) should hold one line")
    }
    return text
  }

  private struct Announced: Decodable { var http: String }

  private static func local(
    environment: [String: String], userID: UInt32
  ) throws(CommandFault) -> Endpoint {
    guard let folder = DefaultPaths.coordinator(environment: environment, userID: userID) else {
      throw CommandFault(.unreachable, "no coordinator is known: say --url URL, or set CARAVAN_URL")
    }
    return try announced(in: folder)
  }

  /// What the coordinator with this data directory serves.
  static func announced(in folder: String) throws(CommandFault) -> Endpoint {
    let file = folder + "/" + DefaultPaths.endpointsFile
    guard let data = FileManager.default.contents(atPath: file) else {
      throw CommandFault(
        .unreachable,
        "no coordinator is known here (no \(file)): say --url URL, or start one with 'caravan up'")
    }
    guard let announced = try? JSONDecoder().decode(Announced.self, from: data) else {
      throw CommandFault(.unreachable, "\(file) cannot be understood: say --url URL")
    }
    // Another user's token, or none where there is no authentication, is no fault yet: the answer tells.
    let token = try? readToken(folder + "/" + DefaultPaths.adminTokenFile)
    return Endpoint(url: try url(announced.http), token: token)
  }
}
